//! The Brier loss of sequences, as a [`LossEngine`] of its own.

use burn::tensor::Tensor;
use lobass_core::{Detail, LossEngine, Sequence, SequenceLoss};
use lobass_kernels::RunningBrier;
use lobass_llama::Llama;

use crate::chunks::{for_each_block, of_labels};
use crate::engine::sequence_loss;
use crate::plan::{Batch, Plan};
use crate::{Engine, Error, check_ids, select_rows};

/// An engine that judges predictions by the Brier loss, `1 - 2 p[label] + sum(p^2)`, instead of by cross entropy.
///
/// A loss is a function of its sequence alone here too, to the bit on the processor.
///
/// Source: Brier 1950; LARK (arXiv 2605.30651), whose code takes the sum over the fifty most likely tokens.
#[derive(Debug, Clone, Copy)]
pub struct Brier<'a>(pub &'a Engine);

impl LossEngine for Brier<'_> {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        check_ids(self.0.model(), sequences)?;
        let plan = Plan::new(sequences, &self.0.limits());
        let found = self.0.run(&plan, sequences, |batch| of_batch(self.0.model(), batch))?;
        let mut known: Vec<Option<Vec<f32>>> = vec![None; sequences.len()];
        for (sequence, losses) in found.into_iter().flatten() {
            known[sequence] = Some(losses);
        }
        let of = |at| plan.run_as(at).and_then(|other| known[other].as_deref()).unwrap_or_default();
        Ok((0..sequences.len()).map(|at| sequence_loss(of(at), detail)).collect())
    }
}

fn of_batch(model: &Llama, batch: &Batch) -> Vec<(usize, Vec<f32>)> {
    let hidden = model.hidden_states_of(batch.packed(), batch.rows());
    let (rows, labels): (Vec<usize>, Vec<u32>) = batch.losses().iter().copied().unzip();
    let hidden = if rows.len() == batch.rows().len() { hidden } else { select_rows(hidden, &rows) };
    let losses = brier_losses(model, &hidden, &labels);
    batch.answers().iter().map(|answer| (answer.sequence, answer.taken_from(&losses))).collect()
}

/// The Brier loss of each label.
///
/// # Shapes
/// - `hidden`: `[rows, hidden]`; `labels`: one per row; returns: one per row
fn brier_losses(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> Vec<f32> {
    of_labels(model, hidden, labels, running_losses, plain::losses)
}

fn running_losses(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> Vec<f32> {
    let mut running = RunningBrier::new(labels);
    for_each_block(model, hidden, |logits, tokens| running.add(logits, tokens.len()));
    running.losses()
}

/// In burn's own terms, for devices without kernels of ours.
mod plain {
    use burn::tensor::Tensor;
    use burn::tensor::activation::softmax;

    use crate::label_loss::plain::indices;

    pub(super) fn losses(logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
        let device = logits.device();
        let labels = indices(labels, &device);
        let p = softmax(logits, 1);
        let of_label = p.clone().gather(1, labels.unsqueeze_dim(1));
        let losses = p.square().sum_dim(1) - of_label * 2.0 + 1.0;
        losses.into_data().iter::<f32>().collect()
    }

    #[cfg(test)]
    mod tests {
        use burn::tensor::{Device, TensorData};
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(32))]

            #[test]
            fn kernels_are_the_plain_operations(
                rows in prop::collection::vec((prop::collection::vec(-8f32..8.0, 7), 0u32..7), 1..5),
            ) {
                let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
                let mut values: Vec<f32> = rows.iter().flat_map(|row| row.0.clone()).collect();
                let logits = TensorData::new(values.clone(), [rows.len(), 7]);
                let plain = losses(Tensor::from_data(logits, &Device::flex()), &labels);
                let mut running = lobass_kernels::RunningBrier::new(&labels);
                running.add(&mut values, 7);
                for (found, expected) in running.losses().iter().zip(plain) {
                    prop_assert!((found - expected).abs() < 1e-5);
                }
            }
        }
    }
}
