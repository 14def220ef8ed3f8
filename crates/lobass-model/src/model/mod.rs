//! The decoder as burn modules, forward and backward. Field names are the checkpoint's tensor names, so that a tensor
//! list reads as a map of this folder.
//!
//! Rows of several sequences are packed one after the other; everything but attention works row by row. Each module has
//! a forward pass, which returns what the backward pass needs, and a backward pass, written by hand. No tape is kept,
//! frozen weights cost no gradient, and a low-rank update is never made dense.
//!
//! Legend for shapes: `rows` of all packed sequences, `H` query heads, `K` key-value heads, `D` head width.

mod adapted;
mod attention;
mod backbone;
mod cache;
mod decoder;
mod delta_net;
mod embedding;
mod experts;
mod feed_forward;
mod gradients;
mod head;
mod layer;
mod layered;
mod linear;
mod loose;
mod lora;
mod mixer;
mod mlp;
mod norm;
mod parts;
mod pass;
mod shared_expert;
mod short_conv;
mod source;
mod stream;
mod sublayer;
mod trained;
mod weights;

pub(crate) use adapted::LoraWeights;
pub use cache::{Cache, Continuation};
pub use decoder::{Decoder, Trace};
pub use gradients::Gradients;
pub use layered::{GivenLayer, LayeredTrace, RoundTrip};
pub use pass::TraceOptions;
pub use source::WeightSource;
pub(crate) use source::stream_of;
pub(crate) use stream::{HELD, LayerStream};
pub use trained::Values;
