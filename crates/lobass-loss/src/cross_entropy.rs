//! The negative log-likelihood of labels given logits.

use burn::tensor::Tensor;
use lobass_kernels::RunningCrossEntropy;
use lobass_model::LogitBlocks;

use crate::Judge;

/// `log(sum exp(logits)) - logits[label]`, in nats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrossEntropy;

impl Judge for CrossEntropy {
    type Verdict = f32;

    fn by_blocks(&self, logits: LogitBlocks<'_>, labels: &[u32]) -> Vec<f32> {
        let mut running = RunningCrossEntropy::new(labels);
        logits.for_each(|logits, tokens| running.add(logits, tokens.len()));
        running.losses()
    }

    fn by_rows(&self, logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
        lobass_model::cross_entropy(logits, labels)
    }
}
