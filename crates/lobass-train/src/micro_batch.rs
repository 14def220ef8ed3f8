//! Sequences as padded tensors.

use burn::tensor::{Device, Int, Tensor, TensorData};
use lobass_core::Sequence;
use lobass_llama::Llama;
use lobass_loss::label_losses;

/// Sums the loss of every scored token of some sequences, in nats: a tensor of one value.
///
/// Rows are padded on the right to the longest. Attention is causal, so padding is seen by padding only, and the
/// mask leaves it out of the loss.
pub(crate) fn summed_loss(model: &Llama, sequences: &[&Sequence]) -> Tensor<1> {
    let device = model.device();
    let rows = sequences.len();
    let width = sequences.iter().map(|sequence| sequence.n_tokens()).max().unwrap_or_default();
    let mut ids = vec![0i64; rows * width];
    let mut positions = Vec::new();
    let mut labels = Vec::new();
    for (row, sequence) in sequences.iter().enumerate() {
        for (slot, &id) in ids[row * width..].iter_mut().zip(sequence.input_ids()) {
            *slot = i64::from(id);
        }
        positions.extend(sequence.scored_positions().map(|position| row * width + position));
        labels.extend(sequence.scored_labels().map(i64::from));
    }
    let input_ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, width]), &device);
    #[expect(clippy::cast_possible_wrap, reason = "positions are far below 2^63")]
    let positions = integers(positions.into_iter().map(|position| position as i64).collect(), &device);
    let labels = integers(labels, &device);

    let hidden = model.hidden_states(input_ids); // [B, T, hidden]
    let hidden = hidden.flatten::<2>(0, 1).select(0, positions); // [scored, hidden]
    label_losses(model, hidden, labels).sum()
}

fn integers(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}
