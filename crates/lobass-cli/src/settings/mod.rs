//! Everything a command can be told, with its defaults: what flags and config files fill in.

mod compare;
mod select;
mod sets;
mod shape;
mod spelled;
mod train;
mod trainer;

use std::path::PathBuf;

use anyhow::Context as _;
pub(crate) use compare::{MatchedTokens, OverlapPolicy};
use lobass_data::{Bos, Duplicates, Mask, Overlong};
use lobass_llama::{DeviceName, Dtype};
pub(crate) use select::{DirectionWord, SelectSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
pub(crate) use sets::{Diversity, SetSettings};
pub(crate) use shape::{Responses, ShapeSettings};
pub(crate) use train::{EvalSettings, Method, ModeName, ObjectiveName, ReferenceSettings, TrainSettings};
pub(crate) use trainer::settings_of_trainer;

/// The settings of `lobass run`; other commands use parts of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) out: Option<PathBuf>,
    pub(crate) model: ModelSettings,
    pub(crate) data: DataSettings,
    pub(crate) sequences: EncodeSettings,
    pub(crate) train: TrainSettings,
    pub(crate) reference: ReferenceSettings,
    pub(crate) eval: EvalSettings,
    pub(crate) select: SelectSettings,
    pub(crate) compute: ComputeSettings,
}

/// Which models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ModelSettings {
    pub(crate) base: Option<PathBuf>,
    pub(crate) reference: Option<PathBuf>,
}

/// Which data, and how it is read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataSettings {
    pub(crate) files: Vec<String>,
    pub(crate) format: Option<String>,
    pub(crate) columns: Option<String>,
    /// Further words for roles, as `WORD=ROLE`.
    pub(crate) roles: Vec<String>,
    pub(crate) dataset_info: Option<PathBuf>,
    pub(crate) duplicates: Duplicates,
}

/// How rows become sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EncodeSettings {
    pub(crate) chat_template: String,
    /// Arguments of the chat template for all rows.
    pub(crate) template_arguments: Map<String, Value>,
    pub(crate) mask: Mask,
    pub(crate) max_length: Option<usize>,
    pub(crate) overlong: Overlong,
    pub(crate) bos: Bos,
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
pub(crate) struct ComputeSettings {
    pub(crate) device: String,
    /// Left out, what suits the device.
    pub(crate) dtype: Option<String>,
    pub(crate) threads: Option<usize>,
}

impl Default for ComputeSettings {
    fn default() -> Self {
        Self { device: DeviceName::default().to_string(), dtype: None, threads: None }
    }
}

impl ComputeSettings {
    /// The device; it is there, and computes.
    pub(crate) fn device(&self) -> anyhow::Result<DeviceName> {
        crate::device::find(&self.device)
    }

    /// The number format of models on a device, which has it.
    pub(crate) fn dtype(&self, device: &DeviceName) -> anyhow::Result<Dtype> {
        let Some(name) = &self.dtype else { return Ok(device.default_dtype()) };
        let dtype = name.parse().map_err(anyhow::Error::msg).context("the dtype of the models")?;
        device.check(dtype)?;
        Ok(dtype)
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(available_threads).max(1)
    }
}

/// As many threads as the machine has processors for.
pub(crate) fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
