//! Everything a command can be told, with its defaults: what flags and config files fill in.

mod train;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lobass_core::{Budget, Direction};
use lobass_data::{Duplicates, Mask, Overlong};
use lobass_llama::{DeviceName, Dtype};
use lobass_select::Strategy;
use serde::{Deserialize, Serialize};
pub(crate) use train::{EvalSettings, Method, ModeName, ObjectiveName, ReferenceSettings, TrainSettings};

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
    pub(crate) dataset_info: Option<PathBuf>,
    pub(crate) duplicates: Duplicates,
}

/// How rows become sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EncodeSettings {
    pub(crate) chat_template: String,
    pub(crate) mask: Mask,
    pub(crate) max_length: Option<usize>,
    pub(crate) overlong: Overlong,
}

impl Default for EncodeSettings {
    fn default() -> Self {
        Self {
            chat_template: "auto".to_owned(),
            mask: Mask::default(),
            max_length: None,
            overlong: Overlong::default(),
        }
    }
}

/// How much is kept, and of what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelectSettings {
    pub(crate) strategies: Vec<String>,
    pub(crate) budget: Option<String>,
    pub(crate) seed: u64,
    pub(crate) rating: Option<String>,
    pub(crate) min_rating: Option<f64>,
    pub(crate) direction: Option<DirectionWord>,
}

/// A direction in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DirectionWord {
    Ascending,
    Descending,
}

impl From<DirectionWord> for Direction {
    fn from(word: DirectionWord) -> Self {
        match word {
            DirectionWord::Ascending => Self::Ascending,
            DirectionWord::Descending => Self::Descending,
        }
    }
}

impl SelectSettings {
    /// Checks what can be checked before anything is computed.
    pub(crate) fn check<'a>(&self, strategies: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let mut rates = false;
        for name in strategies {
            let strategy = Strategy::from_name(name)
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("strategy `{name}`"))?;
            rates |= matches!(strategy, Strategy::Quality(_));
        }
        match (&self.rating, rates) {
            (Some(_), false) => {
                bail!("a rating column is for the strategy quality, and that is not asked for")
            }
            (None, true) => bail!("the strategy quality needs ratings: name their column with `--rating`"),
            _ => self.budget().map(|_| ()),
        }
    }

    /// What is said on the command line beside the budget and the seed.
    pub(crate) fn spelled(&self) -> String {
        let mut spelled = String::new();
        if let Some(rating) = &self.rating {
            spelled += &format!(" --rating {}", crate::stages::quoted(rating));
        }
        if let Some(least) = self.min_rating {
            spelled += &format!(" --min-rating {least}");
        }
        match self.direction {
            Some(DirectionWord::Ascending) => spelled += " --ascending",
            Some(DirectionWord::Descending) => spelled += " --descending",
            None => {}
        }
        spelled
    }

    /// The budget; everything that is good enough, if there is a least rating and no budget.
    pub(crate) fn budget(&self) -> anyhow::Result<Budget> {
        match (&self.budget, self.min_rating) {
            (Some(text), _) => text.parse().context("the budget of the selection"),
            (None, Some(_)) => Ok(Budget::Fraction(1.0)),
            (None, None) => {
                bail!("how much to keep is not said: give `--budget`, as `6%`, `3000`, or `2Mtok`")
            }
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
