//! Writing an adapter directory that `PeftModel.from_pretrained` opens.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::Tensor;
use lobass_files::write_whole;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

use super::modules::{ModulePart, Modules};
use super::{CONFIG, LoraConfig, PREFIX, WEIGHTS};
use crate::checkpoint::{readable, to_bytes};
use crate::{Decoder, Error};

/// Writes the adapter of a model, in `f32`, and the config it was made by.
///
/// `base` is what PEFT shall load the adapter onto, a directory or a hub id. Every file is written under another
/// name first and renamed when it is complete; the config comes last.
///
/// # Errors
/// [`Error::Io`], naming the file; [`Error::Shard`] if the weights cannot be serialized.
pub fn save_adapter(model: &Decoder, config: &LoraConfig, base: &str, dir: &Path) -> Result<(), Error> {
    fs_err::create_dir_all(dir)?;
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut push = |name: String, shape: Vec<usize>, bytes: Vec<u8>| tensors.push((name, shape, bytes));
    let modules = Modules::of(model.spec());
    let config = &config.named(&modules);
    let wrapping = model.spec().names.wrapping();
    for (path, module) in config.targets(&modules) {
        let updates: Vec<_> = module.parts.iter().filter_map(|part| model.lora(&part.path)).collect();
        if let [first, ..] = updates.as_slice() {
            let outer = wrapping.outer(path);
            let (rank, shape) = (first.a.dims()[0], first.a.dims().to_vec());
            push(format!("{PREFIX}{outer}.lora_A.weight"), shape, bytes_of(first.a.clone()));
            let parts = module.parts.iter().zip(updates.into_iter().map(|update| update.b));
            let shape = vec![module.shape[0], rank];
            push(format!("{PREFIX}{outer}.lora_B.weight"), shape.clone(), joined(parts, &shape));
        }
    }
    for (path, module) in config.saved(&modules) {
        let weights = module.parts.iter().filter_map(|part| Some((part, model.whole_weight(&part.path)?)));
        let bytes = joined(weights, &module.shape);
        push(format!("{PREFIX}{}.weight", wrapping.outer(path)), module.shape.clone(), bytes);
    }
    write_weights(&tensors, &dir.join(WEIGHTS))?;
    let text = format!("{:#}\n", peft_json(config, &config.target_names(&modules), base));
    Ok(write_whole(&dir.join(CONFIG), text.as_bytes())?)
}

/// A module's weight in `f32`, joined from its parts.
fn joined<'a>(parts: impl Iterator<Item = (&'a ModulePart, Tensor<2>)>, shape: &[usize]) -> Vec<u8> {
    let mut bytes = vec![0; shape.iter().product::<usize>() * crate::Dtype::F32.size()];
    for (part, tensor) in parts {
        part.piece.put(&bytes_of(tensor), &mut bytes, shape, crate::Dtype::F32.size());
    }
    bytes
}

fn bytes_of(tensor: Tensor<2>) -> Vec<u8> {
    to_bytes(&tensor.into_data(), crate::Dtype::F32)
}

fn write_weights(tensors: &[(String, Vec<usize>, Vec<u8>)], path: &Path) -> Result<(), Error> {
    let fail = |source| Error::Shard { path: path.to_owned(), source };
    let views: Vec<(&String, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(fail)?))
        })
        .collect::<Result<_, Error>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(metadata), path).map_err(fail)?;
    readable(path)
}

/// The fields that every version of PEFT since 0.7 reads; others take their defaults.
fn peft_json(config: &LoraConfig, target_names: &[String], base: &str) -> serde_json::Value {
    let saved = (!config.modules_to_save.is_empty()).then_some(&config.modules_to_save);
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": true,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "use_rslora": config.rslora,
        "use_dora": false,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "target_modules": target_names,
        "modules_to_save": saved,
        "rank_pattern": {},
        "alpha_pattern": {},
    })
}
