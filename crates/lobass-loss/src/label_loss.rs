//! The loss of chosen labels, from hidden states, and its gradient.

use burn::tensor::{Device, Int, Tensor, TensorData};
use lobass_kernels::RunningCrossEntropy;
use lobass_llama::host::{Lent, is_host};
use lobass_llama::{Gradients, Llama};

use crate::chunks::{chunks, for_each_block, of_labels, whole_rows};

/// Computes the negative log-likelihood of each label under the model, `log(sum exp(logits)) - logits[label]`, in
/// nats.
///
/// Logits are `f32`, and never all there: on the processor a block of the vocabulary goes by after the other, and the
/// loss of a row is the same to the bit whatever rows it is beside; elsewhere there are at most 64 MiB at a time.
///
/// # Shapes
/// - `hidden`: `[rows, hidden]`, rows of [`Llama::hidden_states`] whose prediction counts
/// - `labels`: one per row, each below the model's `vocab_size`
/// - returns: one per row
///
/// # Panics
/// If there are not as many labels as rows.
///
/// Source: `torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")`.
pub fn label_losses(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> Vec<f32> {
    assert_eq!(hidden.dims()[0], labels.len(), "one label per row");
    of_labels(model, hidden, labels, running_losses, plain::losses)
}

fn running_losses(model: &Llama, hidden: &Tensor<2>, labels: &[u32]) -> Vec<f32> {
    let mut running = RunningCrossEntropy::new(labels);
    for_each_block(model, hidden, |logits, tokens| running.add(logits, tokens.len()));
    running.losses()
}

/// As [`label_losses`], with the gradient of `sum(seeds * losses)` with respect to `hidden` and, added to
/// `gradients`, to the head if it is trained.
///
/// # Panics
/// If there are not as many labels and seeds as rows.
pub fn label_losses_backward(
    model: &Llama,
    hidden: &Tensor<2>,
    labels: &[u32],
    seeds: &[f32],
    gradients: &mut Gradients,
) -> (Vec<f32>, Tensor<2>) {
    assert_eq!(hidden.dims()[0], labels.len(), "one label per row");
    assert_eq!(seeds.len(), labels.len(), "one seed per row");
    let mut losses = Vec::with_capacity(labels.len());
    let mut d_hidden = Vec::new();
    for (start, labels) in chunks(labels, whole_rows(model)) {
        let seeds = &seeds[start..start + labels.len()];
        let hidden = hidden.clone().narrow(0, start, labels.len());
        let (found, d_logits) = cross_entropy_backward(model.logits(&hidden), labels, seeds);
        losses.extend(found);
        d_hidden.push(model.logits_backward(hidden, d_logits, gradients));
    }
    (losses, Tensor::cat(d_hidden, 0))
}

fn cross_entropy_backward(logits: Tensor<2>, labels: &[u32], seeds: &[f32]) -> (Vec<f32>, Tensor<2>) {
    let device = logits.device();
    if !is_host(&device) {
        return plain::backward(logits, labels, seeds);
    }
    let mut losses = vec![0.0; labels.len()];
    let mut logits = Lent::new(logits);
    lobass_kernels::cross_entropy_backward(logits.values_mut(), labels, seeds, &mut losses);
    (losses, logits.back(&device))
}

/// In burn's own terms, for devices without kernels of ours.
pub(crate) mod plain {
    use super::{Device, Int, Tensor, TensorData};

    pub(crate) fn losses(logits: Tensor<2>, labels: &[u32]) -> Vec<f32> {
        let device = logits.device();
        let of_label = logits.clone().gather(1, indices(labels, &device).unsqueeze_dim(1));
        let max = logits.clone().max_dim(1);
        let log_sum = (logits - max.clone()).exp().sum_dim(1).log() + max;
        (log_sum - of_label).into_data().iter::<f32>().collect()
    }

    pub(super) fn backward(logits: Tensor<2>, labels: &[u32], seeds: &[f32]) -> (Vec<f32>, Tensor<2>) {
        let (device, vocab) = (logits.device(), logits.dims()[1]);
        let losses = losses(logits.clone(), labels);
        let weights = burn::tensor::activation::softmax(logits, 1);
        let targets = indices(labels, &device).one_hot::<2>(vocab).float();
        let seeds = Tensor::<1>::from_data(TensorData::new(seeds.to_vec(), [seeds.len()]), &device);
        let d_logits = (weights - targets) * seeds.unsqueeze_dim(1);
        (losses, d_logits)
    }

    pub(crate) fn indices(labels: &[u32], device: &Device) -> Tensor<1, Int> {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let count = labels.len();
        Tensor::from_data(TensorData::new(labels, [count]), device)
    }

    #[cfg(test)]
    mod tests {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(32))]

            #[test]
            fn kernels_are_the_plain_operations(
                rows in prop::collection::vec((prop::collection::vec(-8f32..8.0, 7), 0u32..7, -2f32..2.0), 1..5),
            ) {
                let device = Device::flex();
                let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
                let seeds: Vec<f32> = rows.iter().map(|row| row.2).collect();
                let values: Vec<f32> = rows.iter().flat_map(|row| row.0.clone()).collect();
                let logits = Tensor::<2>::from_data(TensorData::new(values, [rows.len(), 7]), &device);
                let (plain_losses, plain_gradient) = backward(logits.clone(), &labels, &seeds);
                let (found, gradient) = super::super::cross_entropy_backward(logits.clone(), &labels, &seeds);

                for (found, expected) in found.iter().zip(plain_losses) {
                    prop_assert!((found - expected).abs() < 1e-5);
                }
                let worst = (gradient - plain_gradient).abs().max().into_scalar::<f32>();
                prop_assert!(worst < 1e-6, "{}", worst);
            }
        }
    }
}
