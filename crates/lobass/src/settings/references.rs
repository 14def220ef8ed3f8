//! Settings of the references of a run.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, bail};

/// The references to train, and the part of the pool of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceSettings {
    /// The rows that a reference has seen when it scores a row.
    pub mode: ModeName,
    /// The number of folds in the mode `cross-fit`; `None` is 2.
    pub folds: Option<usize>,
    /// The share of the pool that is set aside in the mode `holdout`; `None` is 0.5.
    pub holdout: Option<f64>,
    /// The number of seeds; each trains its own references.
    pub seeds: usize,
    /// Whether the model of every epoch is kept and scores too.
    pub trajectory: bool,
    /// Whether a null model is trained with each reference: on the same rows, without their prompts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub null: bool,
}

/// The rows that a reference has seen when it scores a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeName {
    /// All rows, as in the paper: the reference may have memorized the row.
    #[default]
    FullPool,
    /// All rows except the fold of the row; there is one reference per fold.
    CrossFit,
    /// A part of the pool that is set aside and cannot be selected (RHO-LOSS, arXiv 2206.07137).
    Holdout,
}

impl Default for ReferenceSettings {
    fn default() -> Self {
        Self {
            mode: ModeName::default(),
            folds: None,
            holdout: None,
            seeds: 1,
            trajectory: false,
            null: false,
        }
    }
}

impl ReferenceSettings {
    /// The number of folds; 2 by default.
    pub fn folds(&self) -> usize {
        self.folds.unwrap_or(2)
    }

    /// The share of the pool that is set aside; 0.5 by default.
    pub fn holdout(&self) -> f64 {
        self.holdout.unwrap_or(0.5)
    }

    /// Checks the settings by themselves.
    ///
    /// # Errors
    /// If settings contradict each other or are out of range.
    pub fn check(&self) -> Result<()> {
        let fail = |field: &str, expected: &str, found: String| {
            Err(Error::Settings(format!("reference: expected `{field}` to be {expected}, found {found}")))
        };
        if self.mode != ModeName::CrossFit && self.folds.is_some() {
            bail!(Settings, "`--folds` needs `--reference-mode cross-fit`");
        }
        if self.mode != ModeName::Holdout && self.holdout.is_some() {
            bail!(Settings, "`--holdout` needs `--reference-mode holdout`");
        }
        if self.folds() < 2 {
            return fail("folds", "at least 2", self.folds().to_string());
        }
        if !(self.holdout() > 0.0 && self.holdout() < 1.0) {
            return fail("holdout", "a share between 0 and 1", self.holdout().to_string());
        }
        if self.seeds == 0 {
            return fail("seeds", "at least 1", "0".to_owned());
        }
        Ok(())
    }
}
