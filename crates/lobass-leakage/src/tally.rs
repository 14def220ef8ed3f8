//! Many questions together.

use serde::Serialize;

use crate::{Placed, binomial_tail, mcnemar, normal_tail, wilson};

/// How often the original order is on top under one model, and how high it stands. Without questions, all numbers but the
/// counts are NaN, in JSON null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tally {
    /// Questions.
    pub n: u64,
    /// Questions whose original order is at least as likely as every other.
    pub n_on_top: u64,
    /// Their share.
    pub share: f64,
    /// The 95 % interval of the share, by Wilson's score.
    pub interval: (f64, f64),
    /// The share that chance alone would give: the mean of [`Placed::chance`].
    pub chance: f64,
    /// The probability of as many or more by chance, if all orders of a question are alike.
    pub p: f64,
    /// The mean rank of the original order, from 0 (always the least likely) to 1 (always the most likely).
    pub height: f64,
    /// The probability of a mean rank as high or higher by chance, by a normal approximation.
    pub p_of_height: f64,
}

impl Tally {
    /// The tally of these questions.
    pub fn of<'a>(placed: impl IntoIterator<Item = &'a Placed>) -> Self {
        let placed: Vec<&Placed> = placed.into_iter().collect();
        let (n, count) = (placed.len() as u64, placed.len() as f64);
        let n_on_top = placed.iter().filter(|placed| placed.is_on_top).count() as u64;
        let chance = placed.iter().map(|placed| placed.chance).sum::<f64>() / count;
        // Of 1 the rank from the top, so that numbers of orders may differ; uniform if all orders are alike.
        let height = |placed: &&Placed| match placed.n_orders {
            1 => 0.5,
            n => (n as f64 - placed.rank) / (n as f64 - 1.0),
        };
        let variance = |placed: &&Placed| match placed.n_orders {
            1 => 0.0,
            n => (n as f64 + 1.0) / (12.0 * (n as f64 - 1.0)),
        };
        let sum: f64 = placed.iter().map(height).sum();
        let deviation = placed.iter().map(variance).sum::<f64>().sqrt();
        Self {
            n,
            n_on_top,
            share: n_on_top as f64 / count,
            interval: if n == 0 { (f64::NAN, f64::NAN) } else { wilson(n_on_top, n) },
            chance,
            p: if n == 0 { f64::NAN } else { binomial_tail(n_on_top, n, chance) },
            height: sum / count,
            p_of_height: match deviation {
                _ if n == 0 => f64::NAN,
                0.0 => 1.0,
                _ => normal_tail((count / 2.0 - sum) / deviation),
            },
        }
    }
}

/// How a second model differs from a first on the same questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Questions whose original order is on top under the second model only.
    pub n_gained: u64,
    /// Questions whose original order is on top under the first model only.
    pub n_lost: u64,
    /// The two-sided exact p of McNemar's test.
    pub p: f64,
}

impl Paired {
    /// Compares them question by question. What orders are natural cancels, since both models read the same.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn of(first: &[Placed], second: &[Placed]) -> Self {
        assert_eq!(first.len(), second.len(), "the same questions under both models");
        let count = |is: fn(&Placed, &Placed) -> bool| {
            first.iter().zip(second).filter(|(first, second)| is(first, second)).count() as u64
        };
        let n_gained = count(|first, second| second.is_on_top && !first.is_on_top);
        let n_lost = count(|first, second| first.is_on_top && !second.is_on_top);
        Self { n_gained, n_lost, p: mcnemar(n_gained, n_lost) }
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::SliceRandom as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    fn placed(scores: &[f64]) -> Placed {
        Placed::of(scores)
    }

    #[test]
    fn questions_with_their_original_on_top_are_counted() {
        let all = [placed(&[3.0, 2.0, 1.0]), placed(&[1.0, 2.0, 3.0]), placed(&[2.0, 1.0, 3.0])];
        let tally = Tally::of(&all);
        assert_eq!((tally.n, tally.n_on_top), (3, 1));
        assert!((tally.chance - 1.0 / 3.0).abs() < 1e-15);
        // Of heights 1, 0, and 1/2.
        assert!((tally.height - 0.5).abs() < 1e-15 && (tally.p_of_height - 0.5).abs() < 1e-12);
        assert!((tally.p - (1.0 - 8.0 / 27.0)).abs() < 1e-12);
    }

    #[test]
    fn by_chance_nothing_is_found_and_of_what_is_known_everything() {
        let mut random = ChaCha8Rng::seed_from_u64(13008);
        let mut scores: Vec<f64> = (0..24).map(f64::from).collect();
        let shuffled: Vec<Placed> = (0..2000)
            .map(|_| {
                scores.shuffle(&mut random);
                placed(&scores)
            })
            .collect();
        let tally = Tally::of(&shuffled);
        assert!(tally.interval.0 < 1.0 / 24.0 && 1.0 / 24.0 < tally.interval.1, "{tally:?}");
        assert!(tally.p > 0.01 && tally.p_of_height > 0.01 && tally.p_of_height < 0.99, "{tally:?}");
        scores.sort_by(|a, b| b.total_cmp(a));
        let known = vec![placed(&scores); 100];
        let tally = Tally::of(&known);
        assert!(tally.p < 1e-100 && tally.p_of_height < 1e-50 && tally.height == 1.0, "{tally:?}");
        let paired = Paired::of(&shuffled[..100], &known);
        assert!(paired.n_lost == 0 && paired.n_gained > 80 && paired.p < 1e-20, "{paired:?}");
    }

    #[test]
    fn without_questions_there_are_no_numbers() {
        let Tally { n, n_on_top, share, interval: (low, high), chance, p, height, p_of_height } =
            Tally::of(&[]);
        assert_eq!((n, n_on_top), (0, 0));
        assert!([share, low, high, chance, p, height, p_of_height].iter().all(|number| number.is_nan()));
    }
}
