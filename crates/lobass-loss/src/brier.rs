//! The Brier loss of labels given logits.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use lobass_kernels::RunningBrier;
use lobass_model::LogitBlocks;

use crate::Judge;
use crate::rows::label_indices;

/// `1 - 2 p[label] + sum(p^2)` over the whole vocabulary.
///
/// Source: Brier 1950; LARK (arXiv 2605.30651), whose code takes the sum over the fifty most likely tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brier;

impl Judge for Brier {
    type Verdict = f32;

    fn by_blocks(&self, logits: LogitBlocks<'_>, labels: &[u32]) -> Vec<f32> {
        let mut running = RunningBrier::new(labels);
        logits.for_each(|logits, tokens| running.add(logits, tokens.len()));
        running.losses()
    }

    fn by_rows(&self, logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
        let labels = label_indices(labels, &logits.device());
        let p = softmax(logits, 1);
        let of_label = p.clone().gather(1, labels.unsqueeze_dim(1));
        let losses = p.square().sum_dim(1) - of_label * 2.0 + 1.0;
        losses.into_data().iter::<f32>().collect()
    }
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
            let plain = Brier.by_rows(Tensor::from_data(logits, &Device::flex()), &labels);
            let mut running = RunningBrier::new(&labels);
            running.add(&mut values, 7);
            for (found, expected) in running.losses().iter().zip(plain) {
                prop_assert!((found - expected).abs() < 1e-5);
            }
        }
    }
}
