//! What a trained checkpoint says of its training.

use std::path::Path;

use anyhow::Context as _;
use lobass_train::TrainConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;

const NAME: &str = "lobass-training.json";

/// What a trained checkpoint says of its training. It is written before the first step, without an outcome, so that a
/// directory that was left half-way is known as ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainingRecord {
    pub(super) tool: String,
    /// Of the model it began with.
    pub(super) base: String,
    /// The plan whose rows it has seen.
    pub(super) plan: String,
    pub(super) recipe: TrainConfig,
    pub(super) eval_rows: usize,
    /// How it went, if it is done; no part of what is compared.
    #[serde(default)]
    pub(super) outcome: Option<Outcome>,
}

/// How training went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) n_examples: usize,
    pub(crate) n_steps: usize,
    pub(crate) n_tokens: u64,
    pub(crate) first_loss: f64,
    pub(crate) last_loss: f64,
    pub(crate) held_out_before: Option<f64>,
    pub(crate) held_out_after: Option<f64>,
}

impl TrainingRecord {
    /// Reads the record of a directory, if it has one.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(NAME);
        if !path.exists() {
            return Ok(None);
        }
        let record = serde_json::from_slice(&fs_err::read(&path)?)
            .with_context(|| format!("`{}` is not a training record", path.display()))?;
        Ok(Some(record))
    }

    /// Writes it whole, or not at all.
    pub(super) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let partial = dir.join(format!("{NAME}.partial"));
        fs_err::write(&partial, serde_json::to_vec_pretty(self)?)?;
        Ok(fs_err::rename(partial, dir.join(NAME))?)
    }

    /// What was different when the checkpoint was trained, in words.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.base != found.base {
            differences.push("base".to_owned());
        }
        if self.plan != found.plan {
            differences.push("data or sequences".to_owned());
        }
        let fields = |record: &Self| {
            let mut fields = json!(record.recipe);
            fields["eval_rows"] = json!(record.eval_rows);
            // In what pieces a batch is computed does not make another reference.
            fields.as_object_mut().map(|fields| fields.remove("micro_batch_tokens"));
            fields
        };
        let (mine, found) = (fields(self), fields(found));
        for (name, value) in mine.as_object().into_iter().flatten() {
            if found[name] != *value {
                differences.push(format!("{name} ({}, now {value})", found[name]));
            }
        }
        differences
    }
}
