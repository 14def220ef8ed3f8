//! A tensor by name and shape.

/// The name and shape of one tensor of a model or of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its path, `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Its shape; projections are `[out, in]`.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// The number of values.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }
}
