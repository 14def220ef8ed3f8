//! A comparison that is opened: its trials, what each trains on, and which are done.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use lobass_core::{Digest, Sequence};
use lobass_evidence::{Bootstrap, FULL, Matching, PoolRecord, ZERO_SHOT};
use lobass_train::TrainConfig;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::answers::Questions;
use super::baseline::Baseline;
use super::decided::Decided;
use super::files::TrialFiles;
use super::held_out::HeldOut;
use super::subset::Subset;
use super::trial::{Trial, TrialRecord};
use crate::error::{Context as _, Result};
use crate::model::Model;
use crate::settings::{SelectSettings, TrainSettings};

/// A comparison, opened: its selections are made, its held-out examples are read. Trials are run one by one.
pub struct Comparison {
    pub(super) base: Model,
    /// The sequence of every row that can be selected and trained on.
    pub(super) sequences_of: BTreeMap<u64, Sequence>,
    pub(super) held_out: HeldOut,
    /// What models answer, if they are asked.
    pub(super) questions: Option<Questions>,
    pub(super) strategies: Vec<String>,
    pub(super) baselines: Vec<Baseline>,
    pub(super) subsets: BTreeMap<(String, u64), Subset>,
    pub(super) select: SelectSettings,
    pub(super) train: TrainSettings,
    pub(super) recipe: TrainConfig,
    pub(super) save_every: Option<usize>,
    pub(super) n_seeds: u64,
    pub(super) matchings: Vec<Matching>,
    pub(super) matched_tokens: u64,
    pub(super) bootstrap: Bootstrap,
    pub(super) record: PoolRecord,
    pub(super) decided: Decided,
    pub(super) threads: usize,
    pub(super) files: TrialFiles,
    pub(super) out: PathBuf,
}

impl Comparison {
    /// Every trial, the most informative first: the base without training, then seed after seed.
    pub(super) fn trials(&self) -> Vec<Trial> {
        let mut trials: Vec<Trial> = self.zero_shot().into_iter().collect();
        for offset in 0..self.n_seeds {
            for &matching in &self.matchings {
                for arm in self.arms() {
                    trials.push(Trial { arm, matching: Some(matching), offset });
                }
            }
        }
        trials
    }

    /// The measurement of the untrained base, if it is a baseline.
    pub(super) fn zero_shot(&self) -> Option<Trial> {
        let trial = || Trial { arm: ZERO_SHOT.to_owned(), matching: None, offset: 0 };
        self.baselines.contains(&Baseline::ZeroShot).then(trial)
    }

    /// The arms that are trained: all rows if they are a baseline, and the selection of each strategy.
    pub(super) fn arms(&self) -> Vec<String> {
        let full = self.baselines.contains(&Baseline::Full).then(|| FULL.to_owned());
        full.into_iter().chain(self.strategies.iter().cloned()).collect()
    }

    /// The rows that a trial trains on.
    pub(super) fn rows(&self, trial: &Trial) -> Result<Vec<u64>> {
        match trial.arm.as_str() {
            ZERO_SHOT => Ok(Vec::new()),
            FULL => Ok(self.sequences_of.keys().copied().collect()),
            arm => {
                let subset = self.subsets.get(&(arm.to_owned(), trial.offset));
                Ok(subset
                    .with_context(|| format!("expected a strategy of this comparison, found `{arm}`"))?
                    .rows
                    .clone())
            }
        }
    }

    /// Hash of every input that affects the trial. The selection strategy is not hashed, only the selected rows.
    pub(super) fn identity(&self, trial: &Trial) -> Result<String> {
        let Decided { version, base, dtype, plan, recipe, adapter, held_out, .. } = &self.decided;
        let tokens = (trial.matching == Some(Matching::Tokens)).then_some(self.matched_tokens);
        let mut decides = json!({
            "version": version, "base": base, "dtype": dtype, "plan": plan, "recipe": recipe, "adapter": adapter,
            "held_out": held_out, "matching": trial.matching, "seed": trial.offset, "tokens": tokens,
        });
        if let Some(questions) = &self.questions {
            decides["answers"] = questions.decides();
        }
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&decides)?);
        for row in self.rows(trial)? {
            hash.update(row.to_le_bytes());
        }
        Ok(Digest::of_hash(&hash.finalize()).to_string())
    }

    /// The record of a trial, if it is done.
    pub(super) fn record(&self, trial: &Trial) -> Result<Option<TrialRecord>> {
        self.files.read(&trial.id(), &self.identity(trial)?)
    }

    /// Whether held-out rows could not be used, or a selection is smaller than the budget.
    pub fn falls_short(&self) -> bool {
        self.held_out.record.n_unscorable > 0 || self.subsets.values().any(|subset| subset.falls_short)
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison")
            .field("out", &self.out)
            .field("strategies", &self.strategies)
            .field("n_seeds", &self.n_seeds)
            .field("matchings", &self.matchings)
            .finish_non_exhaustive()
    }
}
