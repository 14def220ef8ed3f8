//! Numbers of pairs that no training changes, and margins that strategies read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::HeldOutPair;

/// The pairs of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairSource {
    /// The source.
    pub source: String,
    /// Its rows by status. Only `ok` and `cut_both` are used.
    pub statuses: BTreeMap<String, u64>,
    /// Different prompts of the pairs that are used.
    pub n_prompts: u64,
    /// Numbers of the pairs that are used, if any pair is.
    pub facts: Option<PairFacts>,
}

/// Numbers of some pairs that no training changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairFacts {
    /// The pairs.
    pub n_pairs: u64,
    /// Of pairs whose responses have different lengths, the share with the longer one chosen.
    pub longer_chosen: Option<f64>,
    /// The accuracy of the rule that knows lengths only.
    pub length_rule: f64,
    /// Pairs whose responses are [equally long](super::LENGTHS_MATCH).
    pub n_length_matched: u64,
    /// The loss of chosen responses under the base, in nats per scored token.
    pub base_chosen: f64,
    /// The loss of rejected responses under the base, in nats per scored token.
    pub base_rejected: f64,
}

impl PairFacts {
    /// The numbers of some pairs; `None` without any.
    pub fn of<'a>(
        pairs: &(impl Iterator<Item = &'a HeldOutPair> + Clone),
        rule_prefers_longer: bool,
    ) -> Option<Self> {
        let n_pairs = pairs.clone().count();
        let sum = |number: &dyn Fn(&HeldOutPair) -> f64| pairs.clone().map(number).sum::<f64>();
        let longer: Vec<bool> = pairs.clone().filter_map(HeldOutPair::chosen_is_longer).collect();
        let n_longer = longer.iter().filter(|longer| **longer).count();
        let of_longer = sum(&HeldOutPair::longer_is_right) / n_pairs as f64;
        (n_pairs > 0).then(|| Self {
            n_pairs: n_pairs as u64,
            longer_chosen: (!longer.is_empty()).then(|| n_longer as f64 / longer.len() as f64),
            length_rule: if rule_prefers_longer { of_longer } else { 1.0 - of_longer },
            n_length_matched: pairs.clone().filter(|pair| pair.lengths_match()).count() as u64,
            base_chosen: sum(&|pair| pair.base[0]) / sum(&|pair| pair.n_chosen as f64),
            base_rejected: sum(&|pair| pair.base[1]) / sum(&|pair| pair.n_rejected as f64),
        })
    }
}

/// The margins of the pairs to train on, in nats, under models that were trained on pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginRecord {
    /// The folds: each pair has its margin under a model that was trained on the others. Without, one model was trained
    /// on all pairs.
    pub folds: Option<u32>,
    /// By source.
    pub sources: Vec<SourceMargins>,
}

/// The margins of the pairs of a source, in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceMargins {
    /// The source.
    pub source: String,
    /// Its pairs.
    pub n_pairs: u64,
    /// The mean.
    pub mean: f64,
    /// The quartiles, the median in the middle.
    pub quartiles: [f64; 3],
    /// The share above 0; a margin of 0 counts one half.
    pub above_zero: f64,
}
