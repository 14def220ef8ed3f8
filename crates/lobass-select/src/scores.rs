//! The score of every row under each strategy, column by column.

use lobass_core::{Numbers, ScoreColumns};

use crate::order::ascending;
use crate::shape::LeftOut;
use crate::strategy::UNCONDITIONAL;
use crate::{Band, Ratings, Strategy};

impl Strategy {
    /// The score of every row, in 8 bytes a row; missing for rows that are not eligible or lack what the strategy
    /// needs, and finite for the others. Linear in the rows, except for the sort that finds the middle perplexity.
    pub(crate) fn scores(&self, columns: &ScoreColumns) -> Numbers {
        let (base, reference) = (columns.losses("base"), columns.losses("reference"));
        let alone = columns.losses(UNCONDITIONAL);
        let mean = |sums: &Numbers, row: usize| {
            let n_scored = columns.n_scored[row];
            sums.get(row).filter(|_| n_scored > 0).map(|sum| sum / f64::from(n_scored))
        };
        match self {
            Self::Lobass => each(columns, |row| relative(base.get(row)?, reference.get(row)?)),
            Self::Gap => each(columns, |row| Some(mean(base, row)? - mean(reference, row)?)),
            Self::GapSum => each(columns, |row| implicit_reward(base, reference, row)),
            Self::RewardMargin => {
                let (other_base, other_reference) =
                    (columns.losses("base_rejected"), columns.losses("reference_rejected"));
                each(columns, |row| {
                    let rejected = implicit_reward(other_base, other_reference, row)?;
                    Some(implicit_reward(base, reference, row)? - rejected)
                })
            }
            Self::Perplexity(Band::Middle) => middle(each(columns, |row| mean(base, row))),
            Self::Grape => each(columns, |row| mean(base, row)),
            Self::Ifd => each(columns, |row| ratio(base.get(row)?, alone.get(row)?)),
            Self::IfdPerplexity => each(columns, |row| Some((mean(base, row)? - mean(alone, row)?).exp())),
            Self::SelectiveIfd(ratios) => each(columns, |row| ratios.get(row)),
            Self::S2l(checkpoints) => {
                let losses: Vec<&Numbers> = checkpoints.iter().map(|name| columns.losses(name)).collect();
                each(columns, |row| losses.iter().all(|losses| losses.get(row).is_some()).then_some(0.0))
            }
            Self::Lark(gains) => each(columns, |row| gains.get(row)),
            Self::Rds(cosines) => each(columns, |row| cosines.get(row)),
            Self::Pvi => {
                each(columns, |row| Some((alone.get(row)? - base.get(row)?) / std::f64::consts::LN_2))
            }
            Self::Perplexity(Band::Low | Band::High) => each(columns, |row| Some(mean(base, row)?.exp())),
            Self::Longest => each(columns, |row| Some(f64::from(columns.n_scored[row]))),
            Self::Quality(ratings) => each(columns, |row| {
                ratings.values.get(row).filter(|&rating| ratings.at_least.is_none_or(|least| rating >= least))
            }),
            Self::Random | Self::LengthMatchedRandom(_) => {
                each(columns, |row| Some(uniform(columns.ties[row])))
            }
        }
    }
}

impl Strategy {
    /// The same, with some nats added to the denominator of the relative loss reduction.
    pub(crate) fn scores_with(&self, columns: &ScoreColumns, shrinkage: Option<f64>) -> Numbers {
        let (base, reference) = (columns.losses("base"), columns.losses("reference"));
        match (self, shrinkage) {
            (Self::Lobass, Some(nats)) => {
                each(columns, |row| shrunken(base.get(row)?, reference.get(row)?, nats))
            }
            _ => self.scores(columns),
        }
    }

    /// Rows that could be selected, and that this strategy gives no score, by why; `n_taken` scores were taken away since.
    pub(crate) fn unscored(&self, columns: &ScoreColumns, scores: &Numbers, n_taken: u64) -> Vec<LeftOut> {
        let rows = || (0..columns.len()).filter(|&row| columns.statuses[row].is_eligible());
        let left_out = |why: String, n_rows| LeftOut { why, n_rows };
        if let Self::Quality(Ratings { values, at_least }) = self {
            let n = |is: &dyn Fn(f64) -> bool| {
                rows().filter(|&row| values.get(row).is_some_and(is)).count() as u64
            };
            let below = |rating: f64| rating.is_finite() && at_least.is_some_and(|least| rating < least);
            let mut all = vec![
                left_out("without a rating".to_owned(), rows().count() as u64 - n(&|_| true)),
                left_out("a rating that is not finite".to_owned(), n(&f64::is_infinite)),
            ];
            all.extend(at_least.map(|least| left_out(format!("a rating below {least}"), n(&below))));
            return all;
        }
        let n_scored = scores.iter().flatten().count() as u64 + n_taken;
        vec![left_out("without a score by this strategy".to_owned(), rows().count() as u64 - n_scored)]
    }

    /// The most that a score may be, and what a higher one means; rows above it are no candidates.
    pub(crate) fn ceiling(&self) -> Option<(f64, &'static str)> {
        match self {
            Self::Ifd | Self::IfdPerplexity | Self::SelectiveIfd(_) => {
                Some((1.0, "the prompt makes the response less likely"))
            }
            _ => None,
        }
    }
}

/// A finite score for each eligible row that has one.
fn each(columns: &ScoreColumns, score: impl Fn(usize) -> Option<f64>) -> Numbers {
    let rows = columns.statuses.iter().enumerate();
    rows.map(|(row, status)| score(row).filter(|score| status.is_eligible() && score.is_finite())).collect()
}

/// `log pi_reference - log pi_base` of a response, which DPO multiplies with beta, in nats.
fn implicit_reward(base: &Numbers, reference: &Numbers, row: usize) -> Option<f64> {
    Some(base.get(row)? - reference.get(row)?)
}

/// The share of the loss that is gone; undefined for a loss of nothing.
pub(crate) fn relative(base: f64, reference: f64) -> Option<f64> {
    shrunken(base, reference, 0.0)
}

/// The same with some nats added to the denominator.
pub(crate) fn shrunken(base: f64, reference: f64, nats: f64) -> Option<f64> {
    (base + nats > 0.0).then(|| (base - reference) / (base + nats))
}

/// A loss over another one; undefined over nothing.
fn ratio(loss: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| loss / other)
}

/// Turns scores into their distance from the middle rank: 0 for the median, 1 for both ends.
fn middle(mut scores: Numbers) -> Numbers {
    // Adding zero makes -0.0 and 0.0 the same, as comparing scores does.
    let order = ascending(scores.len(), |row| Some(scores.get(row)? + 0.0));
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut first = 0;
    while first < order.len() {
        // Equal numbers have one rank, the mean of theirs, so that their place in the file has no say.
        let number = scores.get(order[first] as usize);
        let same = order[first..].iter().take_while(|&&row| scores.get(row as usize) == number).count();
        let twice_the_rank = (2 * first + same - 1) as f64;
        for &row in &order[first..first + same] {
            scores.set(row as usize, Some((twice_the_rank / last - 1.0).abs()));
        }
        first += same;
    }
    scores
}

/// 53 bits of a hash as a number in [0, 1).
fn uniform(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
