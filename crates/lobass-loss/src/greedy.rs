//! Which scored tokens greedy decoding would give, and their losses.

use burn::tensor::{Int, Tensor};
use lobass_core::{Nll, Sequence};
use lobass_kernels::RunningCrossEntropy;
use lobass_model::LogitBlocks;

use crate::cross_entropy::CrossEntropy;
use crate::measured::summed;
use crate::{Engine, Error, Judge};

/// How the scored tokens of one sequence compare with greedy decoding.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GreedyMatch {
    /// Their loss, the same to the bit as [`lobass_core::LossEngine::losses`] gives.
    pub nll: Nll,
    /// The number of them that are the most likely token after the tokens before them.
    pub n_matched: u64,
}

impl GreedyMatch {
    /// Whether greedy decoding after the prompt gives exactly the scored tokens; `None` if no token is scored.
    pub fn is_exact(&self) -> Option<bool> {
        (self.nll.n_scored > 0).then_some(self.n_matched == self.nll.n_scored)
    }
}

impl Engine {
    /// Compares every scored token with the most likely one after the reference's own tokens before it; of equally
    /// likely ones the lowest id counts, as in `torch.argmax`. A prediction with a logit that is no number matches
    /// nothing.
    ///
    /// A single response at the end of a sequence is what greedy decoding from the prompt gives, end token included, if
    /// and only if all of its tokens match. As long as every token matched, the decoded text is the reference's.
    /// Nothing is sampled, no answer is searched in a text, and a right answer in other words does not match.
    ///
    /// # Errors
    /// [`Error::TokenOutOfRange`] for an id that the model has no embedding for, [`Error::Device`] if the device
    /// fails.
    pub fn greedy_matches(&self, sequences: &[Sequence]) -> Result<Vec<GreedyMatch>, Error> {
        self.judged(&Greedy, sequences, |verdicts| {
            let (losses, matched): (Vec<f32>, Vec<bool>) = verdicts.iter().copied().unzip();
            let n_matched = matched.into_iter().filter(|&is_match| is_match).count() as u64;
            GreedyMatch { nll: summed(&losses), n_matched }
        })
    }
}

/// The cross entropy of a label, and whether it is the most likely token.
#[derive(Debug, Clone, Copy)]
struct Greedy;

impl Judge for Greedy {
    type Verdict = (f32, bool);

    fn by_blocks(&self, logits: LogitBlocks<'_>, labels: &[u32]) -> Vec<(f32, bool)> {
        let mut losses = RunningCrossEntropy::new(labels);
        let mut leaders = vec![Leader::default(); labels.len()];
        logits.for_each(|logits, tokens| {
            let rows = logits.chunks(tokens.len());
            leaders.iter_mut().zip(rows).for_each(|(leader, row)| leader.see(tokens.start, row));
            losses.add(logits, tokens.len());
        });
        with_matches(losses.losses(), leaders.iter().map(Leader::token), labels)
    }

    fn by_rows(&self, logits: Tensor<2>, labels: &[u32]) -> Vec<(f32, bool)> {
        let losses = CrossEntropy.by_rows(logits.clone(), labels);
        with_matches(losses, lowest_of_largest(logits).into_iter(), labels)
    }
}

/// Losses, each with whether the label is the best token.
fn with_matches(
    losses: Vec<f32>,
    best: impl Iterator<Item = Option<u32>>,
    labels: &[u32],
) -> Vec<(f32, bool)> {
    let is_match = |(best, label): (Option<u32>, &u32)| best == Some(*label);
    losses.into_iter().zip(best.zip(labels).map(is_match)).collect()
}

/// The largest logit of a row so far.
#[derive(Debug, Clone, Copy, Default)]
struct Leader {
    best: Option<(usize, f32)>,
    has_nan: bool,
}

impl Leader {
    /// Sees the logits of tokens from `first` on; among equals the first stays.
    fn see(&mut self, first: usize, logits: &[f32]) {
        for (at, &logit) in logits.iter().enumerate() {
            self.has_nan |= logit.is_nan();
            if self.best.is_none_or(|(_, best)| logit > best) {
                self.best = Some((first + at, logit));
            }
        }
    }

    fn token(&self) -> Option<u32> {
        let (token, _) = self.best.filter(|_| !self.has_nan)?;
        u32::try_from(token).ok()
    }
}

/// In burn's own terms, for devices without kernels of ours; which of equals `argmax` takes differs from one back end
/// to the next, so the lowest is looked for.
fn lowest_of_largest(logits: Tensor<2>) -> Vec<Option<u32>> {
    let [rows, vocab] = logits.dims();
    let device = logits.device();
    let largest = logits.clone().max_dim(1).expand([rows, vocab]);
    let others = logits.clone().equal(largest).bool_not();
    let broken = logits.is_nan().any_dim(1).expand([rows, vocab]);
    let beyond = i64::try_from(vocab).unwrap_or(i64::MAX);
    let tokens = Tensor::<1, Int>::arange(0..beyond, &device).unsqueeze_dim::<2>(0).expand([rows, vocab]);
    let tokens = tokens.mask_fill(others, beyond).mask_fill(broken, beyond);
    let lowest = tokens.min_dim(1).into_data();
    lowest.iter::<i64>().map(|token| u32::try_from(token).ok().filter(|_| token < beyond)).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn blocks_and_whole_rows_have_one_leader(
            rows in prop::collection::vec(prop::collection::vec(
                prop_oneof![8 => (-2i8..3).prop_map(f32::from), 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::NAN)],
                9,
            ), 1..6),
            block in 1usize..10,
        ) {
            let expected: Vec<Option<u32>> = rows.iter().map(|row| {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let at = row.iter().position(|&logit| logit == largest).unwrap();
                (!row.iter().any(|logit| logit.is_nan())).then(|| u32::try_from(at).unwrap())
            }).collect();
            let by_blocks: Vec<Option<u32>> = rows.iter().map(|row| {
                let mut leader = Leader::default();
                row.chunks(block).enumerate().for_each(|(at, part)| leader.see(at * block, part));
                leader.token()
            }).collect();
            prop_assert_eq!(&by_blocks, &expected);
            let data = TensorData::new(rows.concat(), [rows.len(), 9]);
            let whole = lowest_of_largest(Tensor::from_data(data, &Device::flex()));
            prop_assert_eq!(&whole, &expected);
        }
    }
}
