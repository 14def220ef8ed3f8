//! LoRA adapters: made new, read from PEFT, written for PEFT.
//!
//! An adapter is put on a model that it shares all frozen weights with, so that a base and its fine-tuned reference
//! need the memory of one model.

mod base;
mod config;
mod fresh;
mod modules;
mod peft;
mod read;
mod roles;
mod rows;
mod targets;
mod trained_on;
mod write;

#[cfg(test)]
mod tests;

pub use config::{ALL_LINEAR, LoraConfig};
pub use read::AdapterCheckpoint;
pub use rows::AdapterRows;
pub use trained_on::TrainedOn;
pub use write::save_adapter;

/// The prefix of names in PEFT's state dictionaries.
const PREFIX: &str = "base_model.model.";
const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
