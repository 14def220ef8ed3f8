//! The records of a comparison of pairs: of its settings, and of each trial.

use lobass_core::{Digest, Dtype};
use lobass_model::LoraConfig;
use lobass_train::{Dpo, TrainConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::files::TrialResult;
use crate::error::Result;

/// The settings and digests that decide every trial, as in `compare.json`. More shares, strategies, seeds, or matchings
/// add trials, and change none of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairsDecided {
    pub(super) version: u32,
    pub(super) base: Digest,
    pub(super) dtype: Dtype,
    pub(super) plan: String,
    /// The time that the chat template saw, if it asks for it.
    pub(super) template_time: Option<String>,
    pub(super) dpo: Dpo,
    pub(super) recipe: TrainConfig,
    pub(super) adapter: Option<LoraConfig>,
    /// The digest of the held-out pairs.
    pub(super) held_out: Digest,
    /// The share of prompts that is held out of the pool.
    pub(super) eval_share: Option<f64>,
    /// The first seed of the order of keys, of folds, and of the split.
    pub(super) seed: u64,
    pub(super) budget: Option<String>,
    pub(super) folds: Option<u32>,
    pub(super) matched_steps: u64,
    pub(super) matched_tokens: u64,
}

impl PairsDecided {
    /// SHA-256 of everything that decides a trial on some rows: what all trials share, and what is special to this one.
    pub(super) fn identity(&self, special: &Value, rows: impl Iterator<Item = u64>) -> Result<String> {
        let Self { version, base, dtype, plan, dpo, recipe, adapter, held_out, .. } = self;
        let decides = json!({
            "version": version, "base": base, "dtype": dtype, "plan": plan, "dpo": dpo, "recipe": recipe,
            "adapter": adapter, "held_out": held_out, "special": special,
        });
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&decides)?);
        for row in rows {
            hash.update(row.to_le_bytes());
        }
        Ok(Digest::of_hash(&hash.finalize()).to_string())
    }
}

/// The record of a trial that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PairTrial {
    /// SHA-256 of everything that decides the trial.
    pub(super) identity: String,
    /// The training, if there is one.
    pub(super) trained: Option<TrainedOnPairs>,
    /// The summed losses of the chosen and the rejected response of each measured pair, in nats.
    pub(super) losses: Vec<[f64; 2]>,
}

/// A training on pairs, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct TrainedOnPairs {
    pub(super) n_pairs: u64,
    /// Tokens of both responses with their prompts, counted once.
    pub(super) subset_tokens: u64,
    pub(super) n_steps: u64,
    /// Tokens that were trained on, over all passes.
    pub(super) n_tokens: u64,
    pub(super) first_loss: f64,
    pub(super) last_loss: f64,
}

impl TrialResult for PairTrial {
    fn identity(&self) -> &str {
        &self.identity
    }
}
