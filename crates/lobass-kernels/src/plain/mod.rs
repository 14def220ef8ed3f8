//! The definition of each kernel, in `f64`, one number at a time: a reference for tests, too slow to run a model.
//!
//! Signatures and meanings are those of the functions of the same name at the root of the crate; widths are not
//! checked. Each gradient is tested against differences of the function itself. [`widen_bf16`](crate::widen_bf16) and
//! [`widen_f16`](crate::widen_f16) are not here: the `half` crate is their reference.

mod adamw;
mod attention;
mod bf16;
mod brier;
mod conv;
mod cross_entropy;
mod delta;
mod gated;
mod layer_norm;
mod logits;
mod norm;
mod rotate;
mod rows;
mod vector;

pub use adamw::adamw;
pub use attention::{causal_attention, causal_attention_backward};
pub use bf16::matmul_bf16;
pub use brier::brier;
pub use conv::{causal_conv, causal_conv_backward};
pub use cross_entropy::{cross_entropy, cross_entropy_backward};
pub use delta::{delta_rule, delta_rule_backward, log_decays, log_decays_backward};
pub use gated::{activated, activated_backward, gated, gated_backward};
pub use layer_norm::{layer_norm, layer_norm_backward};
pub use logits::{logits, logits_backward};
pub use norm::{rms_norm, rms_norm_backward};
pub use rotate::{rotate, rotate_backward};
pub use rows::{add_rows, row_dots, select_rows};
pub use vector::{axpy, scaled_sum, sum_of_squares};
