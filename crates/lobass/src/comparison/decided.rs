//! The record that a directory of a comparison is known by.

use std::path::Path;

use lobass_core::{Digest, Dtype};
use lobass_files::write_whole;
use lobass_model::LoraConfig;
use lobass_train::TrainConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answers::AnswerSettings;
use crate::error::{Context as _, Result, bail};
use crate::outputs;
use crate::settings::SelectSettings;

/// The settings and digests that decide every trial, as in `compare.json`. More strategies, seeds, or matchings add
/// trials, and change none of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Decided {
    pub(super) version: u32,
    pub(super) base: Digest,
    pub(super) dtype: Dtype,
    pub(super) plan: String,
    pub(super) table: Option<String>,
    pub(super) select: SelectSettings,
    pub(super) recipe: TrainConfig,
    pub(super) adapter: Option<LoraConfig>,
    pub(super) matched_tokens: u64,
    pub(super) held_out: String,
    /// How answers are asked for, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<AnswerSettings>,
}

/// Writes the record, or checks that the directory holds the same one.
pub(super) fn keep<T: Serialize + DeserializeOwned>(decided: &T, out: &Path) -> Result<()> {
    let path = out.join(DECIDED);
    if !path.exists() {
        return Ok(write_whole(&path, &serde_json::to_vec_pretty(decided)?)?);
    }
    let found: T = serde_json::from_slice(&fs_err::read(&path)?)
        .with_context(|| format!("`{}` is not a file of this kind of comparison", path.display()))?;
    let (mine, theirs) = (json!(decided), json!(found));
    let fields = mine.as_object().into_iter().flatten();
    let differences: Vec<String> = fields
        .filter(|(name, value)| theirs[name.as_str()] != **value)
        .map(|(name, value)| format!("{name} ({}, now {value})", theirs[name.as_str()]))
        .collect();
    match differences.is_empty() {
        true => Ok(()),
        false => bail!(
            Comparison,
            "`{}` holds a comparison with other {}; use another directory",
            out.display(),
            differences.join(", ")
        ),
    }
}

/// The file by which a directory is known as that of a comparison.
pub(super) const DECIDED: &str = "compare.json";

/// Refuses a directory with other content. A comparison that was killed early has left only its token ids.
pub(super) fn check_directory(out: &Path) -> Result<()> {
    if out.join(DECIDED).exists() || !out.exists() {
        return Ok(());
    }
    let names = fs_err::read_dir(out)?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<std::io::Result<Vec<_>>>()?;
    if names == ["work"] && out.join("work").join("plan.json").exists() {
        return Ok(());
    }
    outputs::check_empty(out)
}
