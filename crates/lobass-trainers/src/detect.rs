//! Whose config it is.

use std::fmt;

use serde_json::{Map, Value};

use crate::Error;

/// A trainer whose configs can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trainer {
    /// axolotl.
    Axolotl,
    /// LLaMA-Factory, both its present layout and the one of its version 1.
    LlamaFactory,
    /// TRL: the arguments of `trl sft` and `trl dpo`.
    Trl,
}

impl fmt::Display for Trainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "LLaMA-Factory",
            Self::Trl => "TRL",
        })
    }
}

/// Keys that only LLaMA-Factory has.
const LLAMA_FACTORY: [&str; 12] = [
    "stage",
    "finetuning_type",
    "template",
    "cutoff_len",
    "dataset_dir",
    "lora_rank",
    "lora_target",
    "adapter_name_or_path",
    "infer_backend",
    "export_dir",
    "train_dataset",
    "model_class",
];

/// Tells trainers apart by their keys.
pub(crate) fn trainer(values: &Map<String, Value>) -> Result<Trainer, Error> {
    let has = |key: &str| values.get(key).is_some_and(|value| !value.is_null());
    if has("base_model") {
        return Ok(Trainer::Axolotl);
    }
    if has("compute_environment") || has("zero_optimization") || has("deepspeed_config") {
        return Err(not_a_training("a config of accelerate or DeepSpeed"));
    }
    let names_model = has("model_name_or_path") || has("model");
    if names_model && LLAMA_FACTORY.iter().any(|key| has(key)) {
        return Ok(Trainer::LlamaFactory);
    }
    if has("model_name_or_path") {
        return Ok(Trainer::Trl);
    }
    Err(Error::UnknownTrainer { keys: values.keys().take(6).cloned().collect() })
}

pub(crate) fn not_a_training(found: impl Into<String>) -> Error {
    Error::NotATraining { found: found.into() }
}
