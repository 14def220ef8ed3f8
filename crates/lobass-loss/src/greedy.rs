//! What a model would say: which scored tokens its greedy decoding gives, and their losses on the way.

use burn::tensor::{Int, Tensor};
use lobass_core::{Nll, Sequence};
use lobass_kernels::RunningCrossEntropy;
use lobass_llama::Llama;

use crate::chunks::{for_each_block, of_labels};
use crate::label_loss::plain;
use crate::plan::{Batch, Plan};
use crate::{Engine, Error, check_ids, select_rows};

/// What a model makes of the scored tokens of one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GreedyMatch {
    /// Their loss, the same to the bit as [`lobass_core::LossEngine::losses`] gives.
    pub nll: Nll,
    /// How many of them are the most likely token after the tokens before them.
    pub n_matched: u64,
}

impl GreedyMatch {
    /// Whether greedy decoding after the prompt gives exactly the scored tokens. Of nothing scored it is not said.
    pub fn is_exact(&self) -> Option<bool> {
        (self.nll.n_scored > 0).then_some(self.n_matched == self.nll.n_scored)
    }
}

impl Engine {
    /// Compares every scored token with the most likely one after the reference's own tokens before it; of equally
    /// likely ones the lowest id counts, as in `torch.argmax`. A prediction with a logit that is no number matches
    /// nothing.
    ///
    /// For a single response at the end of a sequence, greedy decoding from the prompt gives that response, end
    /// token included, if and only if all of its tokens match: as long as every token matched, what was decoded is what
    /// the reference has. Nothing is sampled, no answer is looked for in a text, and a right answer in other words
    /// does not match.
    ///
    /// # Errors
    /// [`Error::TokenOutOfRange`] for an id that the model has no embedding for, [`Error::Device`] if the device
    /// fails.
    pub fn greedy_matches(&self, sequences: &[Sequence]) -> Result<Vec<GreedyMatch>, Error> {
        check_ids(self.model(), sequences)?;
        let plan = Plan::new(sequences, &self.limits());
        let found = self.run(&plan, sequences, |batch| of_batch(self.model(), batch))?;
        let mut known = vec![GreedyMatch::default(); sequences.len()];
        for (sequence, matches) in found.into_iter().flatten() {
            known[sequence] = matches;
        }
        Ok((0..sequences.len()).map(|at| plan.run_as(at).map(|of| known[of]).unwrap_or_default()).collect())
    }
}

fn of_batch(model: &Llama, batch: &Batch) -> Vec<(usize, GreedyMatch)> {
    let hidden = model.hidden_states_of(batch.packed(), batch.rows());
    let (rows, labels): (Vec<usize>, Vec<u32>) = batch.losses().iter().copied().unzip();
    let hidden = if rows.len() == batch.rows().len() { hidden } else { select_rows(hidden, &rows) };
    let (losses, best) = losses_and_best(model, &hidden, &labels);
    let matched: Vec<bool> = best.iter().zip(&labels).map(|(best, label)| *best == Some(*label)).collect();
    let answers = batch.answers().iter().map(|answer| {
        let losses = answer.taken_from(&losses);
        let nll = Nll { sum: losses.iter().copied().map(f64::from).sum(), n_scored: losses.len() as u64 };
        let n_matched = answer.losses.iter().filter(|&&at| matched[at]).count() as u64;
        (answer.sequence, GreedyMatch { nll, n_matched })
    });
    answers.collect()
}

/// The loss of each label as [`label_losses`](crate::label_losses) has it, and the most likely token of each row, if its
/// logits are numbers.
fn losses_and_best(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> (Vec<f32>, Vec<Option<u32>>) {
    let both = of_labels(model, hidden, labels, running, |logits, labels| {
        plain::losses(logits.clone(), labels).into_iter().zip(lowest_of_largest(logits)).collect()
    });
    both.into_iter().unzip()
}

fn running(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> Vec<(f32, Option<u32>)> {
    let mut losses = RunningCrossEntropy::new(labels);
    let mut leaders = vec![Leader::default(); labels.len()];
    for_each_block(model, hidden, |logits, tokens| {
        let rows = logits.chunks(tokens.len());
        leaders.iter_mut().zip(rows).for_each(|(leader, row)| leader.see(tokens.start, row));
        losses.add(logits, tokens.len());
    });
    losses.losses().into_iter().zip(leaders.iter().map(Leader::token)).collect()
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
