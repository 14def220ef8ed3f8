//! The embedding.

/// The factor of embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingScale {
    /// The factor.
    pub factor: f32,
    /// Whether it is rounded to the number format of the weights, as it is in Gemma.
    pub is_rounded: bool,
}

impl EmbeddingScale {
    /// Embeddings as they are.
    pub const NONE: Self = Self { factor: 1.0, is_rounded: false };
}
