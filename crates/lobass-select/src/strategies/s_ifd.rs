//! Instruction-following difficulty over the tokens that a prompt matters to (S-IFD of T-SHIRT, arXiv 2506.01317).

use lobass_core::{Direction, ModelRole, Numbers};

use super::ifd::CEILING;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};
use crate::tokens::Threshold;

/// `ifd-perplexity` over the tokens that the prompt matters most to, the highest; rows above 1 are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectiveIfd;

/// The share of a pool's tokens that count, as T-SHIRT has it.
const SHARE: f64 = 0.5;

impl Strategy for SelectiveIfd {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Unconditional, Need::Tokens],
            ceiling: CEILING,
            ..StrategyInfo::new(
                "s-ifd",
                Direction::Descending,
                "ifd-perplexity over the tokens that the prompt matters most to, at most 1",
                "T-SHIRT, arXiv 2506.01317, without its noise",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let statuses = &inputs.columns().statuses;
        let models = [ModelRole::Base, ModelRole::BaseUnconditional].map(|role| role.to_string());
        let models = models.each_ref().map(String::as_str); // with the prompt and without it
        let threshold = threshold(SHARE, |take| {
            inputs.each_row_of_tokens(&models, |row, losses| {
                if statuses[row].is_eligible() {
                    losses[0].iter().zip(&losses[1]).for_each(|(&with, &without)| take(with, without));
                }
            })
        })?;
        let threshold = threshold.ok_or(Problem::Missing(Need::Tokens))?;
        let mut scores = Numbers::missing(statuses.len());
        inputs.each_row_of_tokens(&models, |row, losses| {
            scores.set(row, selective_ifd(&losses[0], &losses[1], threshold));
        })?;
        if !scores.has_any() {
            return Err(Problem::Missing(Need::Tokens));
        }
        Ok(scores)
    }
}

/// The least change of a token's loss by the prompt, either way, with which the token counts. See
/// [`Threshold::of_largest`] for `stream`, which passes pairs of losses with and without the prompt.
///
/// # Errors
/// The error of `stream`.
fn threshold<E>(
    share: f64,
    mut stream: impl FnMut(&mut dyn FnMut(f32, f32)) -> Result<(), E>,
) -> Result<Option<f32>, E> {
    Threshold::of_largest(share, |take| stream(&mut |with, without| take((with - without).abs())))
}

/// `exp` of the mean of `L(y_t|x) - L(y_t)` over the tokens of a row that the prompt changes by at least `threshold`;
/// `None` if there is no such token.
///
/// - `with`, `without`: the loss of each scored token in nats with and without the prompt
fn selective_ifd(with: &[f32], without: &[f32], threshold: f32) -> Option<f64> {
    let changes = with.iter().zip(without).map(|(with, without)| with - without);
    let counting = changes.filter(|change| change.abs() >= threshold);
    let (sum, n) = counting.fold((0.0, 0u32), |(sum, n), change| (sum + f64::from(change), n + 1));
    (n > 0).then(|| (sum / f64::from(n)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (with, without) = ([1.0, 2.0, 0.5, 3.0], [2.0, 2.1, 3.5, 2.0]);
        let stream = |take: &mut dyn FnMut(f32, f32)| {
            with.iter().zip(without).for_each(|(&with, without)| take(with, without));
            Ok::<(), std::convert::Infallible>(())
        };
        let threshold = super::threshold(0.5, stream).unwrap().unwrap();
        assert!((threshold - 1.0).abs() < 1e-6, "the second largest of 1, 0.1, 3, and 1");
        let score = selective_ifd(&with, &without, threshold).unwrap();
        assert!((score - f64::exp((-1.0 - 3.0 + 1.0) / 3.0)).abs() < 1e-6);
        assert_eq!(selective_ifd(&with, &without, 9.0), None);
        // Every token: the ratio of perplexities.
        let all = selective_ifd(&with, &without, 0.0).unwrap();
        assert!((all - f64::exp((6.5 - 9.6) / 4.0)).abs() < 1e-6);
    }
}
