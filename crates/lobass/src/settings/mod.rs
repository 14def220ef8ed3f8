//! Everything a command can be told, with its defaults: what flags and config files fill in.

mod compare;
mod select;
mod sets;
mod shape;
mod spelled;
mod train;
mod trainer;

use std::path::PathBuf;

use lobass_data::{Bos, Duplicates, Mask, Overlong};
use lobass_llama::{DeviceName, Dtype};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Context as _, Error, Result};
use crate::runtime::Runtime;

pub use compare::{MatchedTokens, OverlapPolicy};
pub use select::{DirectionWord, SelectSettings};
pub use sets::{Diversity, SetSettings};
pub use shape::{Responses, ShapeSettings};
pub use train::{EvalSettings, Method, ModeName, ObjectiveName, ReferenceSettings, TrainSettings};
pub use trainer::settings_of_trainer;

/// The settings of `lobass run`; other commands use parts of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub out: Option<PathBuf>,
    pub model: ModelSettings,
    pub data: DataSettings,
    pub sequences: EncodeSettings,
    pub train: TrainSettings,
    pub reference: ReferenceSettings,
    pub eval: EvalSettings,
    pub select: SelectSettings,
    pub compute: ComputeSettings,
}

/// Which models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    pub base: Option<PathBuf>,
    pub reference: Option<PathBuf>,
}

/// Which data, and how it is read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    pub files: Vec<String>,
    pub format: Option<String>,
    pub columns: Option<String>,
    /// Further words for roles, as `WORD=ROLE`.
    pub roles: Vec<String>,
    pub dataset_info: Option<PathBuf>,
    pub duplicates: Duplicates,
}

/// How rows become sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeSettings {
    pub chat_template: String,
    /// Arguments of the chat template for all rows.
    pub template_arguments: Map<String, Value>,
    pub mask: Mask,
    pub max_length: Option<usize>,
    pub overlong: Overlong,
    pub bos: Bos,
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
        }
    }
}

/// What models run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComputeSettings {
    pub device: String,
    /// Left out, what suits the device.
    pub dtype: Option<String>,
    pub threads: Option<usize>,
}

impl Default for ComputeSettings {
    fn default() -> Self {
        Self { device: DeviceName::default().to_string(), dtype: None, threads: None }
    }
}

impl ComputeSettings {
    /// The device; it is there, and computes.
    ///
    /// # Errors
    /// If it is missing or fails a test computation.
    pub fn device(&self, runtime: &Runtime) -> Result<DeviceName> {
        crate::device::find(&self.device, runtime)
    }

    /// The number format of models on a device, which has it.
    pub fn dtype(&self, device: &DeviceName) -> Result<Dtype> {
        let Some(name) = &self.dtype else { return Ok(device.default_dtype()) };
        let dtype = name.parse().map_err(Error::Settings).context("the dtype of the models")?;
        device.check(dtype)?;
        Ok(dtype)
    }

    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(available_threads).max(1)
    }
}

/// As many threads as the machine has processors for.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
