//! Losses of labels in tensor operations.

use burn::tensor::activation::softmax;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use lobass_kernels::LogitForm;

use crate::ops::transfer::{read, sent, sent_tokens};

/// The cross entropy of each label, `log(sum exp(logits)) - logits[label]`, in tensor operations: on any device.
///
/// # Shapes
/// - `logits`: `[rows, vocab]`; `labels`, and what is returned: one per row
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
    let device = logits.device();
    losses(logits, sent_tokens(labels, &device).unsqueeze_dim(1))
}

/// The losses of labels, `[rows, 1]`.
fn losses(logits: Tensor<2>, labels: Tensor<2, Int>) -> Vec<f32> {
    let of_label = logits.clone().gather(1, labels);
    let max = logits.clone().max_dim(1);
    let log_sum = (logits - max.clone()).exp().sum_dim(1).log() + max;
    read(log_sum - of_label)
}

pub(super) fn logits(form: LogitForm, products: Tensor<2>) -> Tensor<2> {
    let scaled = if form.scale == 1.0 { products } else { products * form.scale };
    match form.cap {
        None => scaled,
        Some(cap) => (scaled / cap).tanh() * cap,
    }
}

pub(super) fn logits_backward(form: LogitForm, logits: Tensor<2>, d_logits: Tensor<2>) -> Tensor<2> {
    let d_scaled = match form.cap {
        None => d_logits,
        Some(cap) => d_logits * (-(logits / cap).square() + 1.0),
    };
    if form.scale == 1.0 { d_scaled } else { d_scaled * form.scale }
}

pub(super) fn cross_entropy_backward(
    logits: Tensor<2>,
    labels: &[u32],
    seeds: &[f32],
) -> (Vec<f32>, Tensor<2>) {
    let device = logits.device();
    let labels: Tensor<2, Int> = sent_tokens(labels, &device).unsqueeze_dim(1);
    let seeds: Tensor<2> = sent(seeds.to_vec(), [seeds.len(), 1], &device);
    let weights = softmax(logits.clone(), 1);
    let targets = -seeds.ones_like();
    let gradient = weights.scatter(1, labels.clone(), targets, IndexingUpdateOp::Add) * seeds;
    (losses(logits, labels), gradient)
}
