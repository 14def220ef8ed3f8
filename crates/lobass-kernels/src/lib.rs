//! The inner loops of a language model on the CPU, forward and backward, on plain `f32` slices.
//!
//! Slices are row-major. Every function runs on the calling thread and gives the same bits for the same input on the
//! same processor. A caller with many rows or sequences spreads them over threads. A call allocates at most some
//! hundred kilobytes. Attention of long sequences needs 64 rows of scores, and products in bf16 need 512 rows.
//!
//! Loops are compiled for AVX-512, AVX2, NEON, and without any of these, and are chosen at run time. The choice changes
//! no bit of a sum: it has the same number of parts for every width of a vector, and each step multiplies and adds with
//! one rounding. (Without FMA instructions, that is slow.)
//!
//! Products of matrices do choose their order by the processor. [`matmul`] uses `gemm`, [`project`] too unless there is
//! AVX-512, and [`matmul_bf16`] too unless there are instructions for bf16. Only the call of `gemm` and these
//! instructions are `unsafe`.
//!
//! Each kernel has a short version in [`plain`], in `f64`, which defines what it computes.
//!
//! ```
//! use lobass_kernels::{Heads, causal_attention};
//!
//! // Two positions, two query heads of width 2 that share one head of keys and values.
//! let heads = Heads { scale: 1.0, ..Heads::new(2, 1, 2) };
//! let (q, k, v) = ([0.0; 8], [1.0; 4], [2.0, 0.0, 4.0, 8.0]);
//! let (mut out, mut log_sums) = ([0.0; 8], [0.0; 4]);
//! causal_attention(heads, &q, &k, &v, None, &mut out, &mut log_sums);
//! // The first position sees itself only; the second, with equal scores, the mean of both.
//! assert_eq!(out, [2.0, 0.0, 2.0, 0.0, 3.0, 4.0, 3.0, 4.0]);
//! assert_eq!(log_sums, [0.0, 2f32.ln(), 0.0, 2f32.ln()]);
//! ```

#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the vector instructions")]

mod activation;
mod adamw;
mod attention;
mod bf16;
mod brier;
#[cfg(test)]
mod check;
mod conv;
mod cross_entropy;
mod delta;
mod exp;
mod gated;
mod lanes;
mod layer_norm;
mod logits;
mod matmul;
mod norm;
pub mod plain;
mod project;
mod rotate;
mod route;
mod rows;
mod running;
#[cfg(any(test, target_arch = "x86_64"))]
mod transpose;
mod vector;
mod widen;

pub use activation::Activation;
pub use adamw::{AdamW, adamw};
pub use attention::{Heads, causal_attention, causal_attention_backward};
pub use bf16::{
    Bf16Instructions, Bf16Parts, Bf16Weights, PackedBf16, matmul_bf16, matmul_bf16_inputs_backward,
    matmul_bf16_inputs_backward_with, matmul_bf16_weights_backward, matmul_bf16_weights_backward_with,
    matmul_bf16_with, round_bf16,
};
pub use brier::RunningBrier;
pub use conv::{causal_conv, causal_conv_backward};
pub use cross_entropy::{RunningCrossEntropy, cross_entropy, cross_entropy_backward};
pub use delta::{DeltaHeads, delta_rule, delta_rule_backward, log_decays, log_decays_backward};
pub use gated::{Gate, activated, activated_backward, gated, gated_backward};
pub use layer_norm::{layer_norm, layer_norm_backward};
pub use logits::{LogitForm, logits, logits_backward};
pub use matmul::{View, ViewMut, matmul};
pub use norm::{rms_norm, rms_norm_backward};
pub use project::project;
pub use rotate::{Turned, rotate, rotate_backward};
pub use route::{RouterScores, Routing, route, route_backward};
pub use rows::{add_rows, row_dots, select_rows};
pub use vector::{axpy, scaled_sum, sum_of_squares};
pub use widen::{widen_bf16, widen_f16};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
