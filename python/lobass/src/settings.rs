//! Settings of calls, which come from Python as JSON.

use std::num::NonZeroU16;
use std::path::PathBuf;

use lobass::settings::{
    ComputeSettings, DataSettings, EncodeSettings, EvalSettings, OverlapPolicy, Prior, SelectSettings,
    TrainSettings,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Reads settings.
///
/// # Errors
/// A `ValueError` that names the setting, what was expected, and what was found.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        // Where in the JSON it is says nothing to people who never saw it.
        let text = text.split(" at line ").next().unwrap_or_default();
        PyValueError::new_err(format!("settings: {text}"))
    })
}

/// How rows are scored.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Scoring {
    pub(crate) sequences: EncodeSettings,
    pub(crate) compute: ComputeSettings,
    pub(crate) per_token: bool,
    pub(crate) unconditional: bool,
    pub(crate) brier: bool,
    pub(crate) null: Option<PathBuf>,
    pub(crate) work: Option<String>,
}

/// How vectors of rows are computed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Embedding {
    pub(crate) sequences: EncodeSettings,
    pub(crate) compute: ComputeSettings,
    pub(crate) half: bool,
    pub(crate) normalize: bool,
    pub(crate) work: Option<String>,
}

/// How a reference is trained.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Training {
    pub(crate) sequences: EncodeSettings,
    pub(crate) compute: ComputeSettings,
    pub(crate) train: TrainSettings,
    pub(crate) eval: EvalSettings,
    pub(crate) data: DataSettings,
    pub(crate) trajectory: bool,
}

/// Who computed losses, and how rows became their tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Importing {
    pub(crate) sequences: EncodeSettings,
    pub(crate) template_time: Option<String>,
    pub(crate) program: String,
    pub(crate) version: Option<String>,
    pub(crate) dtype: Option<String>,
    pub(crate) base_name: String,
    pub(crate) reference_name: Option<String>,
    pub(crate) per_token: bool,
    pub(crate) threads: Option<usize>,
}

/// What is compared, and for how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comparing {
    pub(crate) strategies: Vec<String>,
    pub(crate) select: SelectSettings,
    pub(crate) train: TrainSettings,
    pub(crate) compute: ComputeSettings,
    pub(crate) chat_template: Option<String>,
    pub(crate) baselines: Vec<String>,
    pub(crate) overlap: OverlapPolicy,
    pub(crate) wrong_responses: Option<String>,
    pub(crate) seeds: u64,
    pub(crate) matchings: Vec<String>,
    pub(crate) tokens: Option<u64>,
    pub(crate) resamples: u32,
    pub(crate) out: PathBuf,
}

/// How information of prompts is measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Informing {
    pub(crate) by_source: bool,
    pub(crate) in_sample: bool,
    pub(crate) show: usize,
    pub(crate) list: Option<PathBuf>,
    pub(crate) resamples: u32,
    pub(crate) seed: u64,
    pub(crate) threads: Option<usize>,
}

/// How regions are made and measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measuring {
    pub(crate) by: Vec<String>,
    pub(crate) bins: NonZeroU16,
    pub(crate) embeddings: Option<PathBuf>,
    pub(crate) clusters: NonZeroU16,
    pub(crate) format_tokens: bool,
    pub(crate) base: Option<PathBuf>,
    pub(crate) chat_template: Option<String>,
    pub(crate) level: f64,
    pub(crate) resamples: u32,
    pub(crate) seed: u64,
    pub(crate) margin: f64,
    pub(crate) min_rows: usize,
    pub(crate) examples: usize,
    pub(crate) threads: Option<usize>,
}

/// How laws of sources are fitted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examining {
    pub(crate) prior: Prior,
    pub(crate) floor: Option<f64>,
    pub(crate) bootstrap: usize,
    pub(crate) seed: u64,
}

/// How questions of a benchmark are read and scored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaking {
    pub(crate) benchmark: Option<String>,
    pub(crate) orders: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) compute: ComputeSettings,
    pub(crate) out: Option<PathBuf>,
}
