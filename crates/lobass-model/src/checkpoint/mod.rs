//! A checkpoint directory: `config.json` and safetensors weights, in one file or many.
//!
//! [`Checkpoint::open`] maps the weights and holds every tensor against the config before one is read; all misfits
//! are reported at once. Reading happens tensor by tensor, so the peak of memory is the model itself.

mod check;
mod coded;
mod companions;
mod convert;
mod digest;
mod index;
mod item;
mod layout;
mod rounded;
mod rows;
mod save;
mod shard;
mod streamed;
mod tensors;

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor};
use lobass_core::Arithmetic;
use serde::Deserialize;

pub(crate) use convert::{tensor_data, to_bytes, widened};
pub use layout::expected_tensors;
pub(crate) use layout::{EMBEDDING, HEAD, skeleton};
pub use rows::TensorRows;
pub(crate) use save::readable;
pub use save::save;
pub use streamed::WeightBytes;
use tensors::{Content, Tensors};

use crate::config::Quantization;
use crate::error::TensorProblem;
use crate::ops::multiplies_heads_in_bf16;
use crate::{Decoder, DecoderSpec, DeviceName, Dtype, Error, Finding, Rounding, WeightSource, names};

/// An opened and checked checkpoint directory; weights are mapped, not read.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    spec: DecoderSpec,
    config_json: String,
    findings: Vec<Finding>,
    /// `_name_or_path` of the config.
    origin: Option<String>,
    tensors: Tensors,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
}

impl Checkpoint {
    /// Opens the directory and checks that its tensors are exactly those of its config.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`], [`Error::NoWeights`], [`Error::Shard`], and [`Error::Index`] for files that
    /// cannot be read; [`Error::Wrapped`] if the names of all tensors begin with something that transformers does not
    /// read; [`Error::Tensors`], listing every missing, unexpected, misshapen, or non-float tensor.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        let config_path = dir.join("config.json");
        let config_json = fs_err::read_to_string(&config_path)?;
        let (mut spec, mut findings) = DecoderSpec::with_findings(&config_json)
            .map_err(|source| Error::Config { path: config_path, source })?;
        let files = index::open_shards(&dir)?;
        if files.index_ignored {
            findings.push(Finding::OtherWeights { used: index::SINGLE, ignored: index::INDEX });
        }
        spec.names = std::mem::take(&mut spec.names).for_files(files.places.keys().map(String::as_str));
        let (mut tensors, names) = Tensors::new(files, &spec);
        if let Some(prefix) = names::wrapper(&names, &tensors.layout, &tensors.head) {
            return Err(Error::Wrapped { path: dir, prefix: prefix.to_owned() });
        }
        if let Some(example) = names.renamed().next() {
            let example = example.to_owned();
            findings.push(Finding::Renamed { count: names.renamed().count(), example });
        }
        let origin = serde_json::from_str::<Origin>(&config_json).ok().and_then(|config| config.name);
        tensors.untie(&mut spec);
        let mut problems = match quantization(&config_json) {
            Some(quantization) => tensors.find_coded(&quantization),
            None => Vec::new(),
        };
        findings.extend(tensors.coded_finding());
        problems.extend(tensors.problems(&spec));
        problems
            .extend(names.twice.into_iter().map(|(first, second)| TensorProblem::Twice { first, second }));
        match problems.is_empty() {
            true => Ok(Self { dir, spec, config_json, findings, origin, tensors }),
            false => Err(Error::Tensors { path: dir, problems }),
        }
    }

    /// This checkpoint with weights that are rounded while loading, as training on a quantized base rounds them: those of
    /// all linear modules but the head. Embedding, head, norms, and biases stay as they are.
    ///
    /// # Errors
    /// [`Error::Rounding`] for a checkpoint that is stored in few bits, and for one with experts, which versions of
    /// transformers round differently.
    pub fn rounded(mut self, to: Rounding) -> Result<Self, Error> {
        let refused = |found: String| Error::Rounding { path: self.dir.clone(), to, found };
        if let Some(format) = self.tensors.format() {
            return Err(refused(format!("weights in {format}")));
        }
        if self.spec.layers.iter().any(|layer| layer.experts.is_some()) {
            return Err(refused(
                "experts, which some versions of transformers round and others do not".to_owned(),
            ));
        }
        self.tensors.rounding = Some(to);
        Ok(self)
    }

    /// The rounding of [`Checkpoint::rounded`].
    pub fn rounding(&self) -> Option<Rounding> {
        self.tensors.rounding
    }

    /// The format of few bits that weights are stored in, such as `NF4`; `None` if they are plain.
    pub fn stored_format(&self) -> Option<String> {
        self.tensors.format()
    }

    /// Findings about it: settings without an effect, and which of several files or names were read.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The model that the checkpoint describes.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// The text of its `config.json`.
    pub fn config_json(&self) -> &str {
        &self.config_json
    }

    /// The dtype of its first tensor, which is that of all of them in nearly every checkpoint.
    pub fn dtype(&self) -> Dtype {
        self.tensors.locate(&self.tensors.embedding).map_or(Dtype::F32, |place| place.dtype)
    }

    /// Reads the model onto a device in the given dtype.
    ///
    /// # Errors
    /// None today beyond those of [`Checkpoint::open`]; the signature leaves room for devices that can fail.
    pub fn load(&self, dtype: Dtype, device: &Device) -> Result<Decoder, Error> {
        Decoder::from_source(&self.spec, &mut Reader { checkpoint: self, dtype, keeps_bf16: false, device })
    }

    /// Reads the model onto the processor in `f32`, with another arithmetic of products. Unless that is plain, tensors
    /// that are stored in bf16 stay so: they are exact, and take half the memory.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::load`].
    pub fn load_with(&self, arithmetic: Arithmetic) -> Result<Decoder, Error> {
        let device = &DeviceName::Cpu.open();
        let mut reader =
            Reader { checkpoint: self, dtype: Dtype::F32, keeps_bf16: !arithmetic.is_plain(), device };
        Ok(Decoder::from_source(&self.spec, &mut reader)?.with_arithmetic(arithmetic))
    }

    /// A hash of config and weights that does not depend on how they are split over files.
    pub fn weights_digest(&self) -> String {
        digest::weights_digest(self)
    }

    /// The name or directory that its config says it was loaded from, if it says one.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The values of the weight of a file's module in `f32`, as the file has them. The head of a tied model is its
    /// embedding.
    pub(crate) fn stored_weight(&self, path: &str) -> Option<Vec<f32>> {
        let name = format!("{path}.weight");
        let name = if name == self.tensors.head && self.spec.tied { &self.tensors.embedding } else { &name };
        self.tensors.stored_values(name)
    }

    /// Whether another checkpoint computes the same: equal configs, in whatever words, and the same tensors, bit for
    /// bit. It reads no further than the first tensor that differs.
    pub fn is_same_model(&self, other: &Self) -> bool {
        self.spec == other.spec && self.rounding() == other.rounding() && self.same_weights(other)
    }

    /// Whether another checkpoint has the same tensors, bit for bit, before they are rounded; reads no further than the first that differs.
    pub(crate) fn same_weights(&self, other: &Self) -> bool {
        let is_same = |name: &str| {
            let (ours, theirs) = (self.tensors.contents(name), other.tensors.contents(name));
            let same =
                |((kind, shard, info), (other_kind, other_shard, other_info)): (Content<'_>, Content<'_>)| {
                    kind == other_kind && shard.bytes(info) == other_shard.bytes(other_info)
                };
            ours.len() == theirs.len() && ours.into_iter().zip(theirs).all(same)
        };
        self.tensors.layout == other.tensors.layout
            && self.tensors.layout.stored().iter().all(|tensor| is_same(&tensor.spec.name))
    }
}

/// What the config says of weights in few bits. That it can be read has been checked.
fn quantization(config_json: &str) -> Option<Quantization> {
    Quantization::read(&serde_json::from_str(config_json).ok()?).ok().flatten()
}

/// Reads tensors of a checked checkpoint, converting their dtype.
pub(super) struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    dtype: Dtype,
    /// Whether tensors that are stored in bf16 stay in it, whatever the dtype.
    keeps_bf16: bool,
    device: &'a Device,
}

impl Reader<'_> {
    /// The number format that a tensor of the model is read in.
    fn dtype_of(&self, name: &str) -> Dtype {
        let is_kept = self.keeps_bf16 && self.checkpoint.tensors.are_bf16(name);
        if is_kept { Dtype::Bf16 } else { self.dtype }
    }
}

impl WeightSource for Reader<'_> {
    type Error = Error;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Error> {
        let dtype = self.dtype_of(name);
        let data = self.checkpoint.tensors.data(name, dtype, shape);
        let tensor: Tensor<D> = Tensor::from_data(data, (self.device, crate::dtype::to_burn(dtype)));
        let spec = &self.checkpoint.spec;
        let is_head = name == if spec.tied { EMBEDDING } else { HEAD };
        // The head is multiplied chunk by chunk on every thread; widening the largest matrix each time would take
        // more memory than its half precision saves. Its values are rounded all the same.
        let stays = dtype == Dtype::Bf16 && (self.keeps_bf16 || multiplies_heads_in_bf16(self.device));
        Ok(if is_head && !stays { tensor.cast(DType::F32) } else { tensor })
    }
}
