//! The record of a merge, `lobass-merge.json`, beside the weights.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{Digest, Dtype, Rounding};
use lobass_merge::{Recipe, Tally};
use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use crate::error::{Context as _, Result};

const NAME: &str = "lobass-merge.json";

/// Which models were merged, and how. It is written before the first tensor, without an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeRecord {
    /// The program and its version.
    pub tool: String,
    /// The method with its settings and seed, and the weights.
    pub recipe: Recipe,
    /// The base, if one was given.
    pub base: Option<MergedModel>,
    /// The models, in the order of the weights.
    pub models: Vec<MergedModel>,
    /// The number format of the result.
    pub dtype: Dtype,
    /// The format that the weights of the base were rounded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// What was changed. It is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MergeOutcome>,
}

/// A model that was merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedModel {
    /// Its directory or its hub id, as it was given.
    pub model: String,
    /// The digest of its weights; that of an adapter includes its base.
    pub digest: Digest,
}

/// What a merge changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MergeOutcome {
    /// Tensors that were merged.
    pub n_tensors: usize,
    /// Counts against the base, by the name of the tensor with `*` for numbers; empty without a base.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, Tally>,
}

impl MergeOutcome {
    /// Counts over all tensors.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.changes.values().for_each(|tally| total.add(tally));
        total
    }
}

impl MergeRecord {
    pub(super) fn new(inputs: &Inputs, recipe: &Recipe, dtype: Dtype, rounding: Option<Rounding>) -> Self {
        let of = |input: &super::inputs::Input| MergedModel {
            model: input.model.key.path.clone(),
            digest: input.model.key.weights_digest.clone(),
        };
        Self {
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            recipe: recipe.clone(),
            base: inputs.base.as_ref().map(of),
            models: inputs.models.iter().map(of).collect(),
            dtype,
            rounding,
            outcome: None,
        }
    }

    /// Reads the record of a directory, if it has one.
    ///
    /// # Errors
    /// If the file cannot be read or is not a record.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(NAME);
        if !path.exists() {
            return Ok(None);
        }
        let record = serde_json::from_slice(&fs_err::read(&path)?)
            .with_context(|| format!("`{}` is not a record of a merge", path.display()))?;
        Ok(Some(record))
    }

    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        Ok(lobass_files::write_whole(&dir.join(NAME), &serde_json::to_vec_pretty(self)?)?)
    }

    /// Whether another record is of a merge with the same result. Directories may have moved.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let digests = |record: &Self| -> Vec<Digest> {
            record.base.iter().chain(&record.models).map(|model| model.digest.clone()).collect()
        };
        self.recipe == other.recipe
            && self.base.is_some() == other.base.is_some()
            && digests(self) == digests(other)
            && self.dtype == other.dtype
            && self.rounding == other.rounding
    }
}
