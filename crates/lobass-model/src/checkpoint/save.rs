//! Writing a model as a directory that `AutoModelForCausalLM.from_pretrained` opens.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::TensorData;
use lobass_files::write_whole;
use safetensors::View;
use serde_json::{Map, Value, json};

use super::convert::to_bytes;
use super::item::{Item, Values};
use super::rounded::narrow;
use super::{Checkpoint, companions, expected_tensors};
use crate::names::{Layout, StoredTensor, Wrapping};
use crate::{Decoder, DecoderSpec, Dtype, Error, TensorSpec};

/// Largest weight file; what does not fit goes to further shards, as `save_pretrained` does.
const SHARD_BYTES: usize = 5_000_000_000;

/// Writes `config.json` and the weights in a dtype, one shard at a time, as the files of the model's family have them.
///
/// `config_json` is the text of the config the model was made from; only its dtype is changed, and whether the head is tied. Every file is written
/// under another name first and renamed when it is complete.
///
/// # Errors
/// [`Error::Range`] if a finite weight is beyond the dtype; [`Error::Io`], naming the file; [`Error::Shard`] if the
/// weights cannot be serialized.
pub fn save(model: &Decoder, config_json: &str, dtype: Dtype, dir: &Path) -> Result<(), Error> {
    check_range(model, dtype)?;
    let spec = model.spec();
    write(spec, &values_of(model, dtype), config_json, dtype, dir, spec.names.wrapping(), Vec::new())
}

impl Checkpoint {
    /// Writes a model that was made from this checkpoint, with this checkpoint's config, tokenizer, and tensors that are
    /// no part of the model.
    ///
    /// # Errors
    /// The errors of [`save`]; [`Error::Io`] if a tokenizer file cannot be copied.
    pub fn save_successor(&self, model: &Decoder, dtype: Dtype, dir: &Path) -> Result<(), Error> {
        check_range(model, dtype)?;
        self.save_like(model.spec(), &values_of(model, dtype), dtype, dir)
    }

    /// Writes a model of this checkpoint's description, which is in memory nowhere. `values` gives the bytes of a tensor
    /// of the model in the number format, row by row and little-endian. It is asked for each tensor once, when its turn
    /// to be written comes.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::save_successor`].
    pub fn save_streamed(
        &self,
        values: &dyn Fn(&TensorSpec) -> Vec<u8>,
        dtype: Dtype,
        dir: &Path,
    ) -> Result<(), Error> {
        self.save_like(&self.spec, values, dtype, dir)
    }

    fn save_like(
        &self,
        spec: &DecoderSpec,
        values: &Values<'_>,
        dtype: Dtype,
        dir: &Path,
    ) -> Result<(), Error> {
        fs_err::create_dir_all(dir)?;
        companions::copy(self.dir(), dir)?;
        let carried = self.tensors.carried(&self.spec).map(Item::carried).collect();
        write(spec, values, self.config_json(), dtype, dir, &self.tensors.wrapping, carried)
    }
}

/// Refuses a finite weight that would become infinite, before a file is written.
fn check_range(model: &Decoder, dtype: Dtype) -> Result<(), Error> {
    if dtype == Dtype::F32 {
        return Ok(());
    }
    for TensorSpec { name, .. } in expected_tensors(model.spec()) {
        let values = weight(model, &name);
        let is_beyond = |value: &f32| value.is_finite() && !narrow(*value, dtype).is_finite();
        if let Some(found) = values.iter::<f32>().find(is_beyond) {
            return Err(Error::Range { tensor: name, dtype, found });
        }
    }
    Ok(())
}

/// The values of a model in memory.
fn values_of(model: &Decoder, dtype: Dtype) -> impl Fn(&TensorSpec) -> Vec<u8> {
    move |tensor| to_bytes(&weight(model, &tensor.name), dtype)
}

fn weight(model: &Decoder, name: &str) -> TensorData {
    model.weight(name).unwrap_or_else(|| unreachable!("`{name}` is a parameter of the model"))
}

fn write<'a>(
    spec: &DecoderSpec,
    values: &'a Values<'a>,
    config_json: &str,
    dtype: Dtype,
    dir: &Path,
    wrapping: &Wrapping,
    carried: Vec<Item<'a>>,
) -> Result<(), Error> {
    fs_err::create_dir_all(dir)?;
    let layout = Layout::new(&spec.names, &expected_tensors(spec));
    let weight = |tensor: &StoredTensor| Item::weight(values, tensor.clone(), dtype, wrapping);
    let items = layout.stored().iter().map(weight).chain(carried);
    let shards = split(items, SHARD_BYTES);
    let (n_shards, mut weight_map, mut total_size) = (shards.len(), Map::new(), 0);
    for (at, items) in shards.into_iter().enumerate() {
        let file = match n_shards {
            1 => "model.safetensors".to_owned(),
            n => format!("model-{:05}-of-{n:05}.safetensors", at + 1),
        };
        total_size += items.iter().map(View::data_len).sum::<usize>();
        weight_map.extend(items.iter().map(|item| (item.name.clone(), Value::from(file.as_str()))));
        write_shard(items, &dir.join(&file))?;
    }
    if n_shards > 1 {
        let index = json!({"metadata": {"total_size": total_size}, "weight_map": weight_map});
        write_whole(&dir.join("model.safetensors.index.json"), pretty(&index).as_bytes())?;
    }
    Ok(write_whole(&dir.join("config.json"), config_of(spec, config_json, dtype)?.as_bytes())?)
}

/// Cuts the tensors into runs of at most `limit` bytes, in their order.
fn split<'a>(items: impl Iterator<Item = Item<'a>>, limit: usize) -> Vec<Vec<Item<'a>>> {
    let mut shards: Vec<Vec<Item<'_>>> = vec![Vec::new()];
    let mut used = 0;
    for item in items {
        let bytes = item.data_len();
        if used > 0 && used + bytes > limit {
            shards.push(Vec::new());
            used = 0;
        }
        used += bytes;
        shards.last_mut().expect("starts with one").push(item);
    }
    shards
}

fn write_shard(items: Vec<Item<'_>>, path: &Path) -> Result<(), Error> {
    let tensors = items.into_iter().map(|item| (item.name.clone(), item));
    // transformers refuses files that do not say which framework's conventions they follow.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(tensors, Some(metadata), path)
        .map_err(|source| Error::Shard { path: path.to_owned(), source })?;
    readable(path)
}

/// The file was a temporary one, which only its owner may read; checkpoints are shared like other files.
#[cfg(unix)]
pub(crate) fn readable(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o644))?)
}

#[cfg(not(unix))]
pub(crate) fn readable(_: &Path) -> Result<(), Error> {
    Ok(())
}

const QUANTIZED: [&str; 2] = ["quantization_config", "compression_config"];

fn config_of(spec: &DecoderSpec, config_json: &str, dtype: Dtype) -> Result<String, Error> {
    let mut config: Map<String, Value> = serde_json::from_str(config_json).map_err(|source| {
        Error::Config { path: "config.json".into(), source: crate::ConfigError::Json(source) }
    })?;
    // transformers 5 writes `dtype`, 4 writes `torch_dtype`; both read both.
    let field = if config.contains_key("dtype") { "dtype" } else { "torch_dtype" };
    let mut set = |field: &str, value: Value| {
        // A wrapper repeats what holds for the model inside.
        if let Some(Value::Object(inside)) = config.get_mut("text_config")
            && inside.contains_key(field)
        {
            inside.insert(field.to_owned(), value.clone());
        }
        config.insert(field.to_owned(), value);
    };
    set(field, Value::from(crate::dtype::torch_name(dtype)));
    if !spec.tied {
        // An adapter may have given a tied model a separate head.
        set("tie_word_embeddings", Value::from(false));
    }
    // Whatever the weights were stored in, they are plain now.
    config.retain(|field, _| !QUANTIZED.contains(&field.as_str()));
    if let Some(Value::Object(inside)) = config.get_mut("text_config") {
        inside.retain(|field, _| !QUANTIZED.contains(&field.as_str()));
    }
    Ok(pretty(&Value::Object(config)))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecoderSpec, DeviceName};

    #[test]
    fn large_models_are_split_in_layout_order() {
        let config = DecoderSpec::from_json(crate::testing::TINY).unwrap();
        let model = Decoder::random(&config, 0, &DeviceName::Cpu.open());
        let layout = Layout::new(&config.names, &expected_tensors(&config));
        let values = values_of(&model, Dtype::F32);
        let names = |limit| {
            let weight = |tensor: &StoredTensor| {
                Item::weight(&values, tensor.clone(), Dtype::F32, config.names.wrapping())
            };
            let shards = split(layout.stored().iter().map(weight), limit);
            let names = shards.into_iter().map(|items| items.into_iter().map(|item| item.name).collect());
            names.collect::<Vec<Vec<String>>>()
        };
        let whole = names(usize::MAX);
        assert_eq!(whole.len(), 1);
        let shards = names(8192);
        assert!(shards.len() > 1);
        assert_eq!(shards.concat(), whole[0]);
    }

    #[test]
    fn weights_beyond_a_number_format_are_refused_before_a_file_is_written() {
        let config = crate::testing::tiny_with(r#", "initializer_range": 1e6"#);
        let model = Decoder::random(&DecoderSpec::from_json(&config).unwrap(), 0, &DeviceName::Cpu.open());
        let dir = tempfile::tempdir().unwrap();
        let error = save(&model, &config, Dtype::F16, dir.path()).unwrap_err();
        let Error::Range { tensor, dtype: Dtype::F16, found } = &error else { panic!("{error}") };
        assert!(found.abs() > 65_504.0 && tensor.ends_with(".weight"), "{error}");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
        save(&model, &config, Dtype::Bf16, dir.path()).unwrap();
    }
}
