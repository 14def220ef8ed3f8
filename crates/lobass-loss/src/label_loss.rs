//! The loss of chosen labels, from hidden states, and its gradient.

use burn::tensor::Tensor;
use lobass_model::{Decoder, Gradients};

use crate::cross_entropy::CrossEntropy;
use crate::judge::verdicts;
use crate::rows::{select_rows, select_rows_backward};

/// Logits held at once where whole rows of them are needed, in values: 64 MiB of f32.
const CHUNK_LOGITS: usize = 16 << 20;

/// Computes the negative log-likelihood of labels under the model, `log(sum exp(logits)) - logits[label]`, in nats.
///
/// Logits are `f32`. On the processor, they are computed for one block of the vocabulary after the other, and a loss
/// has the same bits whatever other losses are computed with it. Elsewhere at most 64 MiB of logits exist at a time.
///
/// # Shapes
/// - `hidden`: `[n, hidden]`, rows of [`Decoder::hidden_states`]
/// - `rows`: for each loss the row of `hidden` that predicts it
/// - `labels`: for each loss the token, below the model's `vocab_size`
/// - returns: one per label
///
/// # Panics
/// If there are not as many labels as rows, or if there is no such row.
///
/// Source: `torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")`.
pub fn label_losses(model: &Decoder, hidden: &Tensor<2>, rows: &[usize], labels: &[u32]) -> Vec<f32> {
    assert_eq!(rows.len(), labels.len(), "one label per row");
    verdicts(&CrossEntropy, model, &select_rows(hidden.clone(), rows), labels)
}

/// Computes the losses that [`label_losses`] computes, and the gradient of `sum(seeds * losses)` with respect to
/// `hidden` and, added to `gradients`, to the head if it is trained.
///
/// # Panics
/// If there are not as many labels and seeds as rows, or if there is no such row.
pub fn label_losses_backward(
    model: &Decoder,
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
    let size = (CHUNK_LOGITS / model.spec().vocab_size).max(1);
    for (at, (labels, seeds)) in labels.chunks(size).zip(seeds.chunks(size)).enumerate() {
        let hidden = hidden.clone().narrow(0, at * size, labels.len());
        let (found, d_rows) = model.cross_entropy_backward(&hidden, labels, seeds, gradients);
        losses.extend(found);
        d_hidden.push(d_rows);
    }
    (losses, select_rows_backward(Tensor::cat(d_hidden, 0), rows, n_rows))
}
