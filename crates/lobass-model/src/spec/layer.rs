//! One layer, and its parts besides attention.

use super::{AttentionSpec, ExpertsSpec, LinearAttentionSpec};
use crate::{Gate, NormForm};

/// A decoder layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// Mixes positions.
    pub attention: AttentionSpec,
    /// Linear attention in place of attention.
    pub linear: Option<LinearAttentionSpec>,
    /// Works on each position.
    pub mlp: MlpSpec,
    /// Experts in place of the MLP. Each has its form: its gate and its biases.
    pub experts: Option<ExpertsSpec>,
    /// The norms around attention and MLP.
    pub norm: NormSpec,
    /// Where these norms stand.
    pub placement: Placement,
    /// The factor of what attention and MLP add to the residual stream; mostly 1.
    pub residual_scale: f32,
    /// Whether the layer's output is multiplied with a number in the file, `layer_scalar`. Training leaves it as it is.
    pub has_scalar: bool,
}

impl LayerSpec {
    /// Values of a row of queries and keys, or of what linear attention has for them.
    pub fn mixed_width(&self) -> usize {
        let AttentionSpec { heads, kv_heads, head_width, .. } = self.attention;
        self.linear.map_or((heads + kv_heads) * head_width, |linear| linear.width())
    }

    /// Values of a row inside the MLP, or inside all experts that work on it.
    pub fn inner_width(&self) -> usize {
        self.experts.as_ref().map_or(self.mlp.width, ExpertsSpec::inner_width)
    }
}

/// Where the norms of a layer stand. Names are those of checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Before attention, `input_layernorm`, and before the MLP, `post_attention_layernorm`.
    Before,
    /// After attention, `post_attention_layernorm`, and after the MLP, `post_feedforward_layernorm`.
    After,
    /// On both sides: `input_layernorm`, `post_attention_layernorm`, `pre_feedforward_layernorm`, and
    /// `post_feedforward_layernorm`.
    Around,
    /// Before attention and MLP, which work side by side: `input_layernorm`, one for both.
    Beside,
}

/// An MLP: `down(gate(gate_proj(x), up_proj(x)))`.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpSpec {
    /// Width inside.
    pub width: usize,
    /// How the gate acts.
    pub gate: Gate,
    /// Whether its projections have biases.
    pub bias: bool,
}

/// A norm and its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSpec {
    /// How it normalizes.
    pub form: NormForm,
    /// Whether it has a bias.
    pub bias: bool,
}
