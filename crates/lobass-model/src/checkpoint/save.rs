//! Writing a model as a directory that `AutoModelForCausalLM.from_pretrained` opens.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use lobass_files::write_whole;
use safetensors::View;
use serde_json::{Map, Value, json};

use super::{Checkpoint, TensorSpec, convert, expected_tensors};
use crate::{Decoder, Dtype, Error};

/// Largest weight file; what does not fit goes to further shards, as `save_pretrained` does.
const SHARD_BYTES: usize = 5_000_000_000;

/// Writes `config.json` and the weights in a dtype, one shard at a time.
///
/// `config_json` is the text of the config the model was made from; only its dtype is changed, and whether the head is tied. Every file is written
/// under another name first and renamed when it is complete.
///
/// # Errors
/// [`Error::Io`], naming the file; [`Error::Shard`] if the weights cannot be serialized.
pub fn save(model: &Decoder, config_json: &str, dtype: Dtype, dir: &Path) -> Result<(), Error> {
    fs_err::create_dir_all(dir)?;
    let shards = split(model, dtype, SHARD_BYTES);
    let mut weight_map = Map::new();
    let mut total_size = 0;
    for (at, specs) in shards.iter().enumerate() {
        let file = match shards.len() {
            1 => "model.safetensors".to_owned(),
            n => format!("model-{:05}-of-{n:05}.safetensors", at + 1),
        };
        total_size += write_shard(model, specs, dtype, &dir.join(&file))?;
        weight_map.extend(specs.iter().map(|spec| (spec.name.clone(), Value::from(file.as_str()))));
    }
    if shards.len() > 1 {
        let index = json!({"metadata": {"total_size": total_size}, "weight_map": weight_map});
        write_whole(&dir.join("model.safetensors.index.json"), pretty(&index).as_bytes())?;
    }
    Ok(write_whole(&dir.join("config.json"), config_of(model, config_json, dtype)?.as_bytes())?)
}

/// Files beside the weights that a tokenizer or a chat template is made of.
const COMPANIONS: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
];

/// Templates beside the default one, such as one for rows with tools.
const NAMED_TEMPLATES: &str = "additional_chat_templates";

fn copy_named_templates(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.join(NAMED_TEMPLATES).is_dir() {
        return Ok(());
    }
    fs_err::create_dir_all(to.join(NAMED_TEMPLATES))?;
    for entry in fs_err::read_dir(from.join(NAMED_TEMPLATES))? {
        let path = entry?.path();
        if let (Some(name), true) =
            (path.file_name(), path.extension().is_some_and(|ending| ending == "jinja"))
        {
            fs_err::copy(&path, to.join(NAMED_TEMPLATES).join(name))?;
        }
    }
    Ok(())
}

impl Checkpoint {
    /// Writes a model that was made from this checkpoint, with this checkpoint's config and tokenizer.
    ///
    /// # Errors
    /// The errors of [`save`]; [`Error::Io`] if a tokenizer file cannot be copied.
    pub fn save_successor(&self, model: &Decoder, dtype: Dtype, dir: &Path) -> Result<(), Error> {
        fs_err::create_dir_all(dir)?;
        for name in COMPANIONS {
            let file = self.dir().join(name);
            if file.exists() {
                fs_err::copy(file, dir.join(name))?;
            }
        }
        copy_named_templates(self.dir(), dir)?;
        save(model, self.config_json(), dtype, dir)
    }
}

/// Cuts the tensors into runs of at most `limit` bytes, in the order of the layout.
fn split(model: &Decoder, dtype: Dtype, limit: usize) -> Vec<Vec<TensorSpec>> {
    let mut shards: Vec<Vec<TensorSpec>> = vec![Vec::new()];
    let mut used = 0;
    for spec in expected_tensors(model.spec()) {
        let bytes = spec.n_elements() * dtype.size();
        if used > 0 && used + bytes > limit {
            shards.push(Vec::new());
            used = 0;
        }
        used += bytes;
        shards.last_mut().expect("starts with one").push(spec);
    }
    shards
}

fn write_shard(model: &Decoder, specs: &[TensorSpec], dtype: Dtype, path: &Path) -> Result<usize, Error> {
    let tensors: Vec<_> = specs.iter().map(|spec| (&spec.name, Weight { model, spec, dtype })).collect();
    let n_bytes = tensors.iter().map(|(_, weight)| weight.data_len()).sum();
    // transformers refuses files that do not say which framework's conventions they follow.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(tensors, Some(metadata), path)
        .map_err(|source| Error::Shard { path: path.to_owned(), source })?;
    readable(path)?;
    Ok(n_bytes)
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

/// A tensor that is fetched and converted when its turn to be written comes, so that saving a model does not hold
/// it twice.
struct Weight<'a> {
    model: &'a Decoder,
    spec: &'a TensorSpec,
    dtype: Dtype,
}

impl View for Weight<'_> {
    fn dtype(&self) -> safetensors::Dtype {
        crate::dtype::to_safetensors(self.dtype)
    }

    fn shape(&self) -> &[usize] {
        &self.spec.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let weight = self.model.weight(&self.spec.name);
        let weight =
            weight.unwrap_or_else(|| unreachable!("`{}` is a parameter of the model", self.spec.name));
        Cow::Owned(convert::to_bytes(&weight, self.dtype))
    }

    fn data_len(&self) -> usize {
        self.spec.n_elements() * self.dtype.size()
    }
}

fn config_of(model: &Decoder, config_json: &str, dtype: Dtype) -> Result<String, Error> {
    let mut config: Map<String, Value> = serde_json::from_str(config_json).map_err(|source| {
        Error::Config { path: "config.json".into(), source: crate::ConfigError::Json(source) }
    })?;
    // transformers 5 writes `dtype`, 4 writes `torch_dtype`; both read both.
    let field = if config.contains_key("dtype") { "dtype" } else { "torch_dtype" };
    config.insert(field.to_owned(), Value::from(crate::dtype::torch_name(dtype)));
    if !model.spec().tied {
        // An adapter may have given a tied model a separate head.
        config.insert("tie_word_embeddings".to_owned(), Value::from(false));
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
        let whole = split(&model, Dtype::F32, usize::MAX);
        assert_eq!(whole.len(), 1);
        let shards = split(&model, Dtype::F32, 8192);
        assert!(shards.len() > 1);
        assert_eq!(shards.concat(), whole[0]);
    }
}
