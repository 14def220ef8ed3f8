//! Bounds on what a row that may be chosen is like: cures for what relative losses are known to go wrong on.

use lobass_core::{ModelRole, Numbers, ScoreColumns};

use super::{LeftOut, leave_out};
use crate::order::ascending;

/// Bounds on rows that may be chosen, and a prior against short ones.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Guards {
    /// Least scored tokens: of a few tokens, a ratio of losses is mostly the end token's.
    pub min_scored: Option<u32>,
    /// Least loss under the base in nats per scored token: below it there is nothing to learn.
    pub min_base_loss: Option<f64>,
    /// Rows above this quantile (0 to 1) of the reference's loss per scored token are left out: what the reference did
    /// not learn either.
    pub max_reference_quantile: Option<f64>,
    /// Nats that are added to the base's summed loss in the denominator of the relative loss reduction,
    /// `(L_base - L_ref) / (L_base + c)`, which draws scores of little loss to 0.
    pub shrinkage: Option<f64>,
}

impl Guards {
    /// Whether a loss under the reference is needed.
    pub(crate) fn needs_reference(&self) -> bool {
        self.max_reference_quantile.is_some()
    }

    /// Whether a loss under the base is needed.
    pub(crate) fn needs_base(&self) -> bool {
        self.min_base_loss.is_some()
    }

    pub(super) fn apply(&self, columns: &ScoreColumns, scores: &mut Numbers) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        if let Some(least) = self.min_scored {
            let why = format!("fewer than {least} scored tokens");
            left_out.push(leave_out(scores, why, |row| columns.n_scored[row] < least));
        }
        if let Some(least) = self.min_base_loss {
            let why = format!("a loss under the base below {least} nats per scored token");
            let base = columns.losses(ModelRole::Base);
            left_out
                .push(leave_out(scores, why, |row| mean(columns, base, row).is_none_or(|loss| loss < least)));
        }
        if let Some(quantile) = self.max_reference_quantile {
            let reference = columns.losses(ModelRole::REFERENCE);
            // Of the rows that are candidates still, so that it means the same in a pool with more of the others.
            let of = |row: usize| scores.get(row).and_then(|_| mean(columns, reference, row));
            if let Some(most) = quantile_of(columns.len(), quantile, of) {
                let why = format!("a loss under the reference above {most:.4} nats per scored token");
                left_out.push(leave_out(scores, why, |row| {
                    mean(columns, reference, row).is_none_or(|loss| loss > most)
                }));
            }
        }
        left_out
    }
}

/// Nats per scored token.
fn mean(columns: &ScoreColumns, losses: &Numbers, row: usize) -> Option<f64> {
    let n_scored = columns.n_scored[row];
    losses.get(row).filter(|_| n_scored > 0).map(|sum| sum / f64::from(n_scored))
}

/// The number at a quantile, the lower one of two; `None` without numbers.
fn quantile_of(n_rows: usize, quantile: f64, number: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    let order = ascending(n_rows, &number);
    let last = order.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last place"
    )]
    let place = (quantile.clamp(0.0, 1.0) * last as f64).floor() as usize;
    number(order[place] as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let numbers = [Some(4.0), None, Some(1.0), Some(3.0), Some(2.0), Some(5.0)];
        let at = |quantile| quantile_of(numbers.len(), quantile, |row| numbers[row]);
        assert_eq!(at(0.0), Some(1.0));
        assert_eq!(at(0.5), Some(3.0));
        assert_eq!(at(0.74), Some(3.0));
        assert_eq!(at(0.75), Some(4.0));
        assert_eq!(at(1.0), Some(5.0));
        assert_eq!(quantile_of(1, 0.5, |_| None), None);
    }
}
