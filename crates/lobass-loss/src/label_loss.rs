//! The loss of chosen labels, from hidden states, and its gradient.

use burn::tensor::{Tensor, TensorData};
use lobass_llama::host::{Lent, is_host};
use lobass_llama::{Gradients, Llama};

use crate::Judge as _;
use crate::cross_entropy::CrossEntropy;
use crate::judge::verdicts;
use crate::logits::{chunks, whole_rows};
use crate::rows::{label_indices, select_rows, select_rows_backward};

/// Computes the negative log-likelihood of labels under the model, `log(sum exp(logits)) - logits[label]`, in nats.
///
/// Logits are `f32`, and never all there: on the processor a block of the vocabulary goes by after the other, and a
/// loss is the same to the bit whatever other losses are computed with it; elsewhere there are at most 64 MiB at a time.
///
/// # Shapes
/// - `hidden`: `[n, hidden]`, rows of [`Llama::hidden_states`]
/// - `rows`: for each loss the row of `hidden` that predicts it
/// - `labels`: for each loss the token, below the model's `vocab_size`
/// - returns: one per label
///
/// # Panics
/// If there are not as many labels as rows, or if there is no such row.
///
/// Source: `torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")`.
pub fn label_losses(model: &Llama, hidden: &Tensor<2>, rows: &[usize], labels: &[u32]) -> Vec<f32> {
    assert_eq!(rows.len(), labels.len(), "one label per row");
    verdicts(&CrossEntropy, model, &select_rows(hidden.clone(), rows), labels)
}

/// Computes the losses that [`label_losses`] computes, and the gradient of `sum(seeds * losses)` with respect to
/// `hidden` and, added to `gradients`, to the head if it is trained.
///
/// # Panics
/// If there are not as many labels and seeds as rows, or if there is no such row.
pub fn label_losses_backward(
    model: &Llama,
    hidden: Tensor<2>,
    rows: &[usize],
    labels: &[u32],
    seeds: &[f32],
    gradients: &mut Gradients,
) -> (Vec<f32>, Tensor<2>) {
    assert_eq!(rows.len(), labels.len(), "one label per row");
    assert_eq!(seeds.len(), labels.len(), "one seed per row");
    let n_rows = hidden.dims()[0];
    let hidden = select_rows(hidden, rows);
    let mut losses = Vec::with_capacity(labels.len());
    let mut d_hidden = Vec::new();
    for (start, labels) in chunks(labels, whole_rows(model)) {
        let seeds = &seeds[start..start + labels.len()];
        let hidden = hidden.clone().narrow(0, start, labels.len());
        let (found, d_logits) = cross_entropy_backward(model.logits(&hidden), labels, seeds);
        losses.extend(found);
        d_hidden.push(model.logits_backward(hidden, d_logits, gradients));
    }
    (losses, select_rows_backward(Tensor::cat(d_hidden, 0), rows, n_rows))
}

fn cross_entropy_backward(logits: Tensor<2>, labels: &[u32], seeds: &[f32]) -> (Vec<f32>, Tensor<2>) {
    let device = logits.device();
    if !is_host(&device) {
        return plain_backward(logits, labels, seeds);
    }
    let mut losses = vec![0.0; labels.len()];
    let mut logits = Lent::new(logits);
    lobass_kernels::cross_entropy_backward(logits.values_mut(), labels, seeds, &mut losses);
    (losses, logits.back(&device))
}

/// In burn's own terms, for devices without kernels of ours.
fn plain_backward(logits: Tensor<2>, labels: &[u32], seeds: &[f32]) -> (Vec<f32>, Tensor<2>) {
    let (device, vocab) = (logits.device(), logits.dims()[1]);
    let losses = CrossEntropy.by_rows(logits.clone(), labels);
    let weights = burn::tensor::activation::softmax(logits, 1);
    let targets = label_indices(labels, &device).one_hot::<2>(vocab).float();
    let seeds = Tensor::<1>::from_data(TensorData::new(seeds.to_vec(), [seeds.len()]), &device);
    let d_logits = (weights - targets) * seeds.unsqueeze_dim(1);
    (losses, d_logits)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
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
            let (plain_losses, plain_gradient) = plain_backward(logits.clone(), &labels, &seeds);
            let (found, gradient) = cross_entropy_backward(logits.clone(), &labels, &seeds);

            for (found, expected) in found.iter().zip(plain_losses) {
                prop_assert!((found - expected).abs() < 1e-5);
            }
            let worst = (gradient - plain_gradient).abs().max().into_scalar::<f32>();
            prop_assert!(worst < 1e-6, "{}", worst);
        }
    }
}
