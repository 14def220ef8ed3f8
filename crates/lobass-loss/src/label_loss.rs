//! The loss of chosen labels, from hidden states.

use burn::tensor::{DType, Int, Tensor};
use lobass_llama::Llama;

/// Logits held at once, in values: 64 MiB of f32.
const CHUNK_LOGITS: usize = 16 << 20;

/// Computes the negative log-likelihood of each label under the model, `log(sum exp(logits)) - logits[label]`, in
/// nats.
///
/// Logits are cast to `f32` first, and made for at most 64 MiB of values at a time. How many rows are multiplied at
/// once may change the last bit, since products of other shapes may sum in another order; what the rows are beside
/// does not. Differentiable on an autodiff device.
///
/// # Shapes
/// - `hidden`: `[rows, hidden]`, rows of [`Llama::hidden_states`] whose prediction counts
/// - `labels`: `[rows]`, each below the model's `vocab_size`
/// - returns: `[rows]`, `f32`
///
/// Source: `torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")`.
#[expect(clippy::needless_pass_by_value, reason = "tensors are handles, and burn hands them on by value")]
pub fn label_losses(model: &Llama, hidden: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let rows = hidden.dims()[0];
    let chunk = (CHUNK_LOGITS / model.config().vocab_size).max(1);
    let losses = (0..rows)
        .step_by(chunk)
        .map(|start| {
            let length = chunk.min(rows - start);
            chunk_losses(
                model,
                hidden.clone().narrow(0, start, length),
                labels.clone().narrow(0, start, length),
            )
        })
        .collect();
    Tensor::cat(losses, 0)
}

fn chunk_losses(model: &Llama, hidden: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let logits = model.logits(hidden).cast(DType::F32);
    let of_label = logits.clone().gather(1, labels.unsqueeze_dim(1));
    let max = logits.clone().detach().max_dim(1);
    let log_sum = (logits - max.clone()).exp().sum_dim(1).log() + max;
    (log_sum - of_label).squeeze_dim(1)
}
