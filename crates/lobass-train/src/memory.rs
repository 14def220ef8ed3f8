//! The memory of training an adapter, from the description of a model.

use lobass_model::{DecoderSpec, Dtype, expected_tensors};

/// The memory that training an adapter takes beside the weights of the base, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingBytes {
    /// Trained weights, their gradients, and AdamW's two moments.
    pub trained: u64,
    /// What each thread computes with: a micro-batch within one layer and the head, and the largest matrix in `f32`.
    pub thread: u64,
    /// The values within all layers that a thread keeps for gradients.
    pub kept: u64,
    /// The inputs of all layers that a token of a micro-batch keeps, if layers are run again for their gradients.
    pub token: u64,
}

/// Values of logits that are held at once, and how often.
const LOGITS: u64 = 3 * (16 << 20);

impl TrainingBytes {
    /// The memory for a model of this description in a number format.
    ///
    /// - `n_trained`: trained parameters
    /// - `tokens`: of the largest micro-batch
    pub fn of(spec: &DecoderSpec, dtype: Dtype, n_trained: u64, tokens: usize) -> Self {
        let tokens = tokens as u64;
        let of_layers = |of: fn(u64, u64, u64) -> u64| {
            let width = spec.hidden_size as u64;
            spec.layers
                .iter()
                .map(move |layer| of(width, layer.mixed_width() as u64, layer.inner_width() as u64))
        };
        let within = of_layers(|width, mixed, inner| 8 * width + 3 * mixed + 8 * inner).max();
        let kept: u64 = of_layers(|width, mixed, inner| 2 * width + 2 * mixed + 2 * inner).sum();
        let logits = LOGITS.min(3 * tokens * spec.vocab_size as u64);
        let values = tokens * within.unwrap_or_default() + logits + widened(spec, dtype);
        Self {
            trained: 4 * f32s(n_trained),
            thread: f32s(values),
            kept: f32s(tokens * kept),
            token: token_bytes(spec),
        }
    }
}

/// The inputs of all layers that a token keeps, and what goes on beside them.
pub(crate) fn token_bytes(spec: &DecoderSpec) -> u64 {
    let angles: usize =
        spec.layers.iter().map(|layer| 2 * layer.attention.head_width).max().unwrap_or_default();
    f32s(((spec.layers.len() + 2) * spec.hidden_size + spec.ropes.len() * angles) as u64)
}

/// Values of the largest matrix of a layer, which is widened for its products.
fn widened(spec: &DecoderSpec, dtype: Dtype) -> u64 {
    let is_wide = dtype == Dtype::F32;
    let of_layers =
        expected_tensors(spec).into_iter().filter(|tensor| tensor.name.starts_with("model.layers."));
    let largest = of_layers.map(|tensor| tensor.n_elements()).max().unwrap_or_default();
    if is_wide { 0 } else { 2 * largest as u64 }
}

fn f32s(values: u64) -> u64 {
    values * size_of::<f32>() as u64
}
