//! Reading an adapter directory as PEFT writes it.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::peft::PeftConfig;
use super::roles::{Roles, Update};
use super::targets::Targets;
use super::{CONFIG, LoraConfig, WEIGHTS};
use crate::checkpoint::{EMBEDDING, HEAD, tensor_data};
use crate::model::LoraWeights;
use crate::names::Piece;
use crate::{Decoder, DecoderSpec, Dtype, Error};

/// An opened adapter directory: PEFT's `adapter_config.json` and `adapter_model.safetensors`.
#[derive(Debug)]
pub struct AdapterCheckpoint {
    dir: PathBuf,
    pub(super) peft: PeftConfig,
    pub(super) targets: Targets,
    config_json: String,
    bytes: Vec<u8>,
}

impl AdapterCheckpoint {
    /// Reads the directory and checks that it is a LoRA adapter of a kind that is computed here.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Shard`] for files that cannot be read, [`Error::Adapter`] for what is not
    /// supported.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        let fail = |reason: String| Error::Adapter { path: dir.clone(), reason };
        let config_json = fs_err::read_to_string(dir.join(CONFIG))?;
        let peft: PeftConfig =
            serde_json::from_str(&config_json).map_err(|error| fail(format!("{CONFIG}: {error}")))?;
        if let Some(reason) = peft.unsupported() {
            return Err(fail(format!("{CONFIG}: {reason}")));
        }
        if !dir.join(WEIGHTS).exists() && dir.join("adapter_model.bin").exists() {
            return Err(fail(format!(
                "expected `{WEIGHTS}`, found `adapter_model.bin` (save it again with `safe_serialization=True`)"
            )));
        }
        let bytes = fs_err::read(dir.join(WEIGHTS))?;
        let path = dir.join(WEIGHTS);
        let tensors = SafeTensors::deserialize(&bytes).map_err(|source| Error::Shard { path, source })?;
        if tensors.is_empty() {
            return Err(fail(format!("{WEIGHTS}: expected the adapter's tensors, found none")));
        }
        let targets = Targets::new(&peft);
        Ok(Self { dir, peft, targets, config_json, bytes })
    }

    /// Whether a directory looks like an adapter's.
    pub fn is_at(dir: &Path) -> bool {
        dir.join(CONFIG).is_file()
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A hash of its config and weights, and of the weights that it is put on.
    pub fn digest_on(&self, base: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(base.as_bytes());
        hash.update(self.config_json.as_bytes());
        hash.update(&self.bytes);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The rank, alpha, and modules that the config names.
    pub fn config(&self) -> LoraConfig {
        let names = |value: Option<&serde_json::Value>| match value {
            Some(serde_json::Value::Array(names)) => {
                names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
            }
            Some(serde_json::Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        };
        LoraConfig {
            rank: self.peft.r.unwrap_or(8),
            alpha: self.peft.lora_alpha.unwrap_or(8.0),
            rslora: self.peft.use_rslora,
            dropout: self.peft.lora_dropout.unwrap_or(0.0),
            target_modules: names(self.peft.target_modules.as_ref()),
            modules_to_save: self.peft.modules_to_save.clone().unwrap_or_default(),
        }
    }

    /// Puts the adapter on a model, which shares its weights. Everything except the adapter is frozen. Weights are
    /// `f32`.
    ///
    /// # Errors
    /// [`Error::AdapterTensors`], listing every tensor that the model has no place for, that is missing, or that has another
    /// shape; [`Error::Adapter`] for a pattern that cannot be read, or another vocabulary than the model's.
    pub fn apply(&self, base: &Decoder) -> Result<Decoder, Error> {
        let roles = self.roles(base.spec())?;
        let (tensors, device) = (self.tensors()?, base.device());
        let mut model = base.clone();
        model.freeze();
        for (path, name) in &roles.wholes {
            for part in &roles.modules.wholes[path].parts {
                self.put_whole(&mut model, &part.path, rows_of(&tensors, name, &part.piece, &device));
            }
        }
        let dropout = self.peft.lora_dropout.unwrap_or(0.0);
        for (path, Update { a, b, scale, .. }) in &roles.updates {
            let (a, scale) = (rows_of(&tensors, a, &Piece::default(), &device), *scale);
            for part in &roles.modules.projections[path].parts {
                let b = rows_of(&tensors, b, &part.piece, &device);
                model.put_lora(&part.path, path, LoraWeights { a: a.clone(), b, scale, dropout });
            }
        }
        Ok(model)
    }

    fn put_whole(&self, model: &mut Decoder, path: &str, tensor: Tensor<2>) {
        let is = |name: &str| name.strip_suffix(".weight") == Some(path);
        let shared = model.spec().tied && (is(EMBEDDING) || is(HEAD));
        match shared && self.shares_one_matrix(path) {
            // A second name for the one matrix of a model that stays tied.
            true if is(HEAD) && self.peft.ensure_weight_tying => {}
            true => model.replace_embedding(tensor),
            false => model.replace_whole(path, tensor),
        }
    }

    /// Whether a matrix of a tied model replaces both embedding and head. One that is named in `modules_to_save` is a
    /// separate copy; one that PEFT adds for a resized vocabulary is the base's.
    pub(super) fn shares_one_matrix(&self, path: &str) -> bool {
        let saved = self.peft.modules_to_save.as_deref().unwrap_or_default();
        self.peft.ensure_weight_tying || !super::config::is_saved(saved, path)
    }

    /// The roles of the file's tensors on a base.
    pub(super) fn roles(&self, base: &DecoderSpec) -> Result<Roles, Error> {
        let fail = |reason: String| Error::Adapter { path: self.dir.clone(), reason };
        let roles = Roles::new(&self.peft, &self.targets, &self.tensors()?, base)
            .map_err(|reason| fail(format!("{CONFIG}: {reason}")))?;
        if let Some(found) = roles.other_vocabulary(base) {
            return Err(fail(format!(
                "expected embeddings of {} tokens, as the base has, found {found}: resize the base as it was resized \
                 for training (`resize_token_embeddings({found})` of transformers), and save it",
                base.vocab_size
            )));
        }
        match roles.problems.is_empty() {
            true => Ok(roles),
            false => Err(Error::AdapterTensors { path: self.dir.clone(), problems: roles.problems }),
        }
    }

    pub(super) fn tensors(&self) -> Result<SafeTensors<'_>, Error> {
        let path = || self.dir.join(WEIGHTS);
        SafeTensors::deserialize(&self.bytes).map_err(|source| Error::Shard { path: path(), source })
    }
}

/// Some rows of a tensor of the file in `f32`. The tensor is known to be there and to hold floats; a vector becomes a
/// matrix of one row.
fn rows_of(tensors: &SafeTensors<'_>, name: &str, piece: &Piece, device: &Device) -> Tensor<2> {
    let view = tensors.tensor(name).unwrap_or_else(|_| unreachable!("`{name}` has a role"));
    let dtype = crate::dtype::from_safetensors(view.dtype()).unwrap_or_default();
    let bytes = piece.taken(view.data(), view.shape(), dtype.size());
    let n_values = bytes.len() / dtype.size();
    let shape = match *view.shape() {
        [_, width] => [n_values / width.max(1), width],
        _ => [1, n_values],
    };
    Tensor::from_data(tensor_data(&bytes, dtype, Dtype::F32, shape), device)
}
