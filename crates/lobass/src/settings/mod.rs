//! Settings with their defaults, as in flags and TOML files.

mod compare;
mod references;
mod sampling;
mod select;
mod sets;
mod shape;
mod spelled;
mod train;
mod trainer;

use std::path::PathBuf;

use lobass_core::{Arithmetic, MemoryLimit};
use lobass_data::{Bos, Duplicates, Mask, Overlong, Transform};
use lobass_model::{DeviceName, Dtype, Rounding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Context as _, Error, Result};
use crate::runtime::Runtime;

pub use lobass_mixture::{MixingPolicy, Prior};

pub use compare::{MatchedTokens, OverlapPolicy};
pub use references::{ModeName, ReferenceSettings};
pub use sampling::SamplingSettings;
pub use select::{DirectionWord, SelectSettings};
pub use sets::{Diversity, SetSettings};
pub use shape::{Responses, ShapeSettings};
pub use train::{EvalSettings, Method, ObjectiveName, TrainContext, TrainSettings};
pub use trainer::settings_of_trainer;

/// The settings of a run. Other calls take parts of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The run directory.
    pub out: Option<PathBuf>,
    /// The models.
    pub model: ModelSettings,
    /// The data files.
    pub data: DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: EncodeSettings,
    /// The recipe of references.
    pub train: TrainSettings,
    /// The references to train.
    pub reference: ReferenceSettings,
    /// The held-out rows.
    pub eval: EvalSettings,
    /// The strategies, the budget, and further conditions.
    pub select: SelectSettings,
    /// The device, the number format, and the threads.
    pub compute: ComputeSettings,
}

/// The models of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// The base: a checkpoint directory or a hub id.
    pub base: Option<PathBuf>,
    /// The reference: a checkpoint directory, an adapter, or a hub id. `None` trains one.
    pub reference: Option<PathBuf>,
    /// The null model beside a reference that is given. `None` has none, or trains one with each reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null: Option<PathBuf>,
}

/// The data files, and how they are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// The files: paths, folders, patterns, `NAME=PATH`, or addresses of the hub.
    pub files: Vec<String>,
    /// The name of the format; `None` detects it.
    pub format: Option<String>,
    /// The columns of an unknown format, as `role=column` pairs.
    pub columns: Option<String>,
    /// Further words for roles, as `WORD=ROLE`.
    pub roles: Vec<String>,
    /// A registry of data sets as LLaMA-Factory has it (`dataset_info.json`).
    pub dataset_info: Option<PathBuf>,
    /// The rule for repeated rows.
    pub duplicates: Duplicates,
}

/// How rows become sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeSettings {
    /// The chat template: `auto`, a built-in name, a file, or a checkpoint directory.
    pub chat_template: String,
    /// Arguments of the chat template, the same for all rows.
    pub template_arguments: Map<String, Value>,
    /// The tokens that are scored.
    pub mask: Mask,
    /// The maximal length in tokens; `None` takes what the model was made for.
    pub max_length: Option<usize>,
    /// The rule for longer rows.
    pub overlong: Overlong,
    /// The rule for the token that begins sequences.
    pub bos: Bos,
    /// A change of every prompt, to measure what the prompts tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

impl Default for EncodeSettings {
    fn default() -> Self {
        Self {
            chat_template: "auto".to_owned(),
            template_arguments: Map::new(),
            mask: Mask::default(),
            max_length: None,
            overlong: Overlong::default(),
            bos: Bos::default(),
            transform: None,
        }
    }
}

/// The device, the number format, and the threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComputeSettings {
    /// The device, such as `cpu` or `cuda:0`.
    pub device: String,
    /// The number format of the weights; `None` takes the default of the device.
    pub dtype: Option<String>,
    /// The arithmetic of products in scoring in f32 on the processor, with weights that are stored in bf16.
    #[serde(skip_serializing_if = "Arithmetic::is_plain")]
    pub arithmetic: Arithmetic,
    /// The format that the weights of an adapter's base are rounded to, as QLoRA training rounds them; `None` takes
    /// them as they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantize_base: Option<Rounding>,
    /// Threads; `None` takes one per core.
    pub threads: Option<usize>,
    /// The memory that scoring, and training an adapter, may take on the processor, for weights and for what is computed.
    /// A model that does not fit is read layer by layer. `None` holds whole models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryLimit>,
}

impl Default for ComputeSettings {
    fn default() -> Self {
        Self {
            device: DeviceName::default().to_string(),
            dtype: None,
            arithmetic: Arithmetic::Plain,
            quantize_base: None,
            threads: None,
            memory: None,
        }
    }
}

impl ComputeSettings {
    /// The device.
    ///
    /// # Errors
    /// If it is missing, or fails a test computation.
    pub fn device(&self, runtime: &Runtime) -> Result<DeviceName> {
        crate::device::find(&self.device, runtime)
    }

    /// The number format of models on a device.
    ///
    /// # Errors
    /// If the name is unknown, or the device lacks the format.
    pub fn dtype(&self, device: &DeviceName) -> Result<Dtype> {
        let Some(name) = &self.dtype else { return Ok(device.default_dtype()) };
        let dtype = name.parse().map_err(Error::Settings).context("the dtype of the models")?;
        device.check(dtype)?;
        Ok(dtype)
    }

    /// The number of threads; at least 1.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(available_threads).max(1)
    }
}

/// The number of processors that this process may use; at least 1.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
