//! Losses of labels in tensor operations.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lobass_kernels::LogitForm;

/// The cross entropy of each label, `log(sum exp(logits)) - logits[label]`, in tensor operations: on any device.
///
/// # Shapes
/// - `logits`: `[rows, vocab]`; `labels`, and what is returned: one per row
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
    let of_label = logits.clone().gather(1, label_indices(labels, &logits.device()).unsqueeze_dim(1));
    let max = logits.clone().max_dim(1);
    let log_sum = (logits - max.clone()).exp().sum_dim(1).log() + max;
    (log_sum - of_label).into_data().iter::<f32>().collect()
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
    let (device, vocab) = (logits.device(), logits.dims()[1]);
    let losses = cross_entropy(logits.clone(), labels);
    let weights = softmax(logits, 1);
    let targets = label_indices(labels, &device).one_hot::<2>(vocab).float();
    let seeds = Tensor::<1>::from_data(TensorData::new(seeds.to_vec(), [seeds.len()]), &device);
    (losses, (weights - targets) * seeds.unsqueeze_dim(1))
}

fn label_indices(labels: &[u32], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
    let count = labels.len();
    Tensor::from_data(TensorData::new(labels, [count]), device)
}
