//! A checkpoint directory: `config.json` and safetensors weights, in one file or many.
//!
//! [`Checkpoint::open`] maps the weights and holds every tensor against the config before one is read; all misfits
//! are reported at once. Reading happens tensor by tensor, so the peak of memory is the model itself.

mod check;
mod convert;
mod digest;
mod index;
mod layout;
mod save;
mod shard;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor};

pub(crate) use convert::{tensor_data, to_bytes};
pub(crate) use layout::{EMBEDDING, HEAD};
pub use layout::{TensorSpec, expected_tensors};
pub use save::save;
pub(crate) use save::{readable, write_whole};
use shard::{Located, WeightShard};

use crate::{Dtype, Error, Llama, LlamaConfig, WeightSource};

/// An opened and checked checkpoint directory; weights are mapped, not read.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    config: LlamaConfig,
    config_json: String,
    shards: Vec<WeightShard>,
    /// Tensor name to the shard that holds it.
    places: BTreeMap<String, usize>,
    /// The embedding is stored only under the head's name.
    embedding_is_head: bool,
}

impl Checkpoint {
    /// Opens the directory and checks that its tensors are exactly those of its config.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`], [`Error::NoWeights`], [`Error::Shard`], and [`Error::Index`] for files that
    /// cannot be read; [`Error::Tensors`], listing every missing, unexpected, misshapen, or non-float tensor.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        let config_path = dir.join("config.json");
        let config_json = fs_err::read_to_string(&config_path)?;
        let config = LlamaConfig::from_json(&config_json)
            .map_err(|source| Error::Config { path: config_path, source })?;
        let (shards, places) = index::open_shards(&dir)?;
        let mut checkpoint = Self { dir, config, config_json, shards, places, embedding_is_head: false };
        checkpoint.embedding_is_head = checkpoint.config.tie_word_embeddings
            && checkpoint.locate(EMBEDDING).is_none()
            && checkpoint.locate(HEAD).is_some();
        let problems = checkpoint.problems();
        if problems.is_empty() {
            Ok(checkpoint)
        } else {
            Err(Error::Tensors { path: checkpoint.dir, problems })
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the checkpoint computes.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The text of its `config.json`.
    pub fn config_json(&self) -> &str {
        &self.config_json
    }

    /// The dtype of its first tensor, which is that of all of them in nearly every checkpoint.
    pub fn dtype(&self) -> Dtype {
        self.locate(self.stored_name(EMBEDDING)).map_or(Dtype::F32, |place| place.dtype)
    }

    /// Reads the model onto a device in the given dtype.
    ///
    /// # Errors
    /// None today beyond those of [`Checkpoint::open`]; the signature leaves room for devices that can fail.
    pub fn load(&self, dtype: Dtype, device: &Device) -> Result<Llama, Error> {
        Llama::from_source(&self.config, &mut Reader { checkpoint: self, dtype, device: device.clone() })
    }

    /// A hash of config and weights that does not depend on how they are split over files.
    pub fn weights_digest(&self) -> String {
        digest::weights_digest(self)
    }

    /// The name under which the file has what the model calls `name`.
    fn stored_name<'a>(&self, name: &'a str) -> &'a str {
        if name == EMBEDDING && self.embedding_is_head { HEAD } else { name }
    }

    fn locate(&self, name: &str) -> Option<Located<'_>> {
        let shard = &self.shards[*self.places.get(name)?];
        let info = shard.info(name)?;
        Some(Located { shard, info, dtype: Dtype::from_safetensors(info.dtype)? })
    }
}

/// Reads tensors of a checked checkpoint, converting their dtype.
struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    dtype: Dtype,
    device: Device,
}

impl WeightSource for Reader<'_> {
    type Error = Error;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Error> {
        let place = self
            .checkpoint
            .locate(self.checkpoint.stored_name(name))
            .unwrap_or_else(|| unreachable!("`{name}` was found when the checkpoint was opened"));
        let data = convert::tensor_data(place.bytes(), place.dtype, self.dtype, shape);
        place.shard.release(place.info);
        let tensor: Tensor<D> = Tensor::from_data(data, (&self.device, self.dtype.to_burn()));
        let config = &self.checkpoint.config;
        let is_head = name == if config.tie_word_embeddings { EMBEDDING } else { HEAD };
        // The head is multiplied chunk by chunk on every thread; widening the largest matrix each time would take
        // more memory than its half precision saves. Its values are rounded all the same.
        Ok(if is_head { tensor.cast(DType::F32) } else { tensor })
    }
}
