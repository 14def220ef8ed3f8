//! Where the original order stands among the others.

use serde::Serialize;

/// The place of the original order of one question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Placed {
    /// Orders that were scored.
    pub n_orders: usize,
    /// The rank of the original, 1 for the most likely; ties share the mean of their ranks.
    pub rank: f64,
    /// Whether no other order is more likely. Ties count for the original, as in the paper's program.
    pub is_on_top: bool,
    /// The probability of that if all orders are alike: more than `1 / n_orders` where the best ones are equal.
    pub chance: f64,
}

impl Placed {
    /// The place of the first of these log-probabilities.
    ///
    /// # Panics
    /// If the slice is empty, or a log-probability is NaN.
    pub fn of(scores: &[f64]) -> Self {
        assert!(!scores.is_empty() && scores.iter().all(|score| !score.is_nan()), "scores are numbers");
        let original = scores[0];
        let n_higher = scores.iter().filter(|score| **score > original).count();
        let n_equal = scores.iter().filter(|score| **score == original).count();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let n_highest = scores.iter().filter(|score| **score == highest).count();
        Self {
            n_orders: scores.len(),
            rank: n_higher as f64 + f64::midpoint(n_equal as f64, 1.0),
            is_on_top: n_higher == 0,
            chance: n_highest as f64 / scores.len() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_ranks_and_count_for_the_original() {
        let placed = Placed::of(&[-1.0, -2.0, -3.0, -4.0]);
        assert_eq!((placed.rank, placed.is_on_top, placed.chance), (1.0, true, 0.25));
        let placed = Placed::of(&[-2.0, -1.0, -2.0, -1.0]);
        assert_eq!((placed.rank, placed.is_on_top, placed.chance), (3.5, false, 0.5));
        let placed = Placed::of(&[-1.0; 6]);
        assert_eq!((placed.rank, placed.is_on_top, placed.chance), (3.5, true, 1.0));
    }

    #[test]
    #[should_panic(expected = "numbers")]
    fn what_is_not_a_number_has_no_place() {
        Placed::of(&[-1.0, f64::NAN]);
    }
}
