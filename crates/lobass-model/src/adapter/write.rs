//! Writing an adapter directory that `PeftModel.from_pretrained` opens.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use lobass_files::write_whole;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

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
    let mut push = |name: String, tensor: Tensor<2>, flat: bool| {
        let shape = tensor.dims();
        let data: TensorData = tensor.into_data();
        let bytes = to_bytes(&data, crate::Dtype::F32);
        tensors.push((name, if flat { vec![shape[1]] } else { shape.to_vec() }, bytes));
    };
    for (path, _) in config.targets(model) {
        if let Some(lora) = model.lora(&path) {
            push(format!("{PREFIX}{path}.lora_A.weight"), lora.a, false);
            push(format!("{PREFIX}{path}.lora_B.weight"), lora.b, false);
        }
    }
    for path in config.saved(model) {
        if let Some(weight) = model.whole_weight(&path) {
            push(format!("{PREFIX}{path}.weight"), weight, path.ends_with("norm"));
        }
    }
    write_weights(&tensors, &dir.join(WEIGHTS))?;
    let text = format!("{:#}\n", peft_json(config, base));
    Ok(write_whole(&dir.join(CONFIG), text.as_bytes())?)
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
fn peft_json(config: &LoraConfig, base: &str) -> serde_json::Value {
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
        "target_modules": config.target_modules,
        "modules_to_save": saved,
        "rank_pattern": {},
        "alpha_pattern": {},
    })
}
