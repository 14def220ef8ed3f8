//! The negative log-likelihood of labels given logits.

use burn::tensor::Tensor;
use lobass_kernels::RunningCrossEntropy;

use crate::Judge;
use crate::logits::Blocks;
use crate::rows::label_indices;

/// `log(sum exp(logits)) - logits[label]`, in nats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrossEntropy;

impl Judge for CrossEntropy {
    type Verdict = f32;

    fn by_blocks(&self, logits: Blocks<'_>, labels: &[u32]) -> Vec<f32> {
        let mut running = RunningCrossEntropy::new(labels);
        logits.for_each(|logits, tokens| running.add(logits, tokens.len()));
        running.losses()
    }

    fn by_rows(&self, logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
        let of_label = logits.clone().gather(1, label_indices(labels, &logits.device()).unsqueeze_dim(1));
        let max = logits.clone().max_dim(1);
        let log_sum = (logits - max.clone()).exp().sum_dim(1).log() + max;
        (log_sum - of_label).into_data().iter::<f32>().collect()
    }
}
