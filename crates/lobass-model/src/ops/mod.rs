//! The operations of a decoder, forward and backward, on packed rows.
//!
//! [`Ops`] says what they are. There are two implementations. [`host`] runs kernels on slices, where a device's memory
//! is the processor's. [`device`] runs tensor operations on any device; the kernels are tested against it. A model gets
//! one of them when it is made, from [`Compute::of`].

mod attention;
mod compute;
mod contract;
mod device;
mod dropout;
mod host;
mod input;
mod linear;
mod logits;
mod norm;
mod path;
mod routes;
mod tables;
mod transfer;

pub(crate) use attention::{AttentionInputs, AttentionOutput, Heads};
pub(crate) use compute::multiplies_heads_in_bf16;
pub use compute::{Compute, computes_fast_in_bf16};
pub use contract::Concurrency;
pub(crate) use contract::Ops;
pub use device::{AttentionWork, cross_entropy};
pub(crate) use dropout::Dropout;
pub(crate) use input::Input;
pub(crate) use linear::{DecayWeights, DeltaInputs};
pub(crate) use lobass_kernels::DeltaHeads;
pub use lobass_kernels::{Activation, Gate, LogitForm, RouterScores, Routing};
pub(crate) use logits::HeadProducts;
pub use logits::{LogitBlocks, Logits};
pub use norm::{NormForm, NormKind};
pub(crate) use norm::{NormGradients, NormWeights};
pub(crate) use path::{KeyPath, LayerLane, LayerPath, StatePath};
pub(crate) use routes::{Group, Routes};
pub(crate) use tables::{DropoutMasks, Rotary, Tables};
#[cfg(test)]
pub(crate) use transfer::read;
pub(crate) use transfer::sent_tokens;

#[cfg(test)]
mod tests;
