//! One layer, and its parts besides attention.

use super::AttentionSpec;

/// A decoder layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// Mixes positions.
    pub attention: AttentionSpec,
    /// Works on each position.
    pub mlp: MlpSpec,
    /// The norms before attention and MLP.
    pub norm: NormSpec,
}

/// A gated MLP: `down(silu(gate(x)) * up(x))`.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpSpec {
    /// Width inside.
    pub width: usize,
    /// Whether its projections have biases.
    pub bias: bool,
}

/// An RMS norm: `x / sqrt(mean(x^2) + eps) * weight`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSpec {
    /// Added to the mean square before its root.
    pub eps: f64,
}
