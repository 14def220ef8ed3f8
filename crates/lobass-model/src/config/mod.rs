//! Reading a `config.json`: its fields by name and type, and the parts that families have in common.
//!
//! Field names are those of Hugging Face's `config.json`. Everything that would change a loss is understood or refused
//! by name; other fields that are not known are [findings](crate::Finding).

mod base;
mod elsewhere;
mod error;
mod experts;
mod fields;
mod quantization;
pub(crate) mod rope;
mod sizes;
mod tokens;
mod unread;
mod windows;

pub(crate) use base::{Defaults, check_heads, decoder, decoder_with};
pub(crate) use elsewhere::check_files;
pub use error::ConfigError;
pub(crate) use experts::{chosen_experts, experts, layers_with_experts};
pub(crate) use fields::{Fields, Notes, Said, brief};
pub(crate) use quantization::Quantization;
pub(crate) use sizes::size_or;
pub(crate) use unread::note_unread;
pub(crate) use windows::{Sliding, types, window, windows, windows_of};
