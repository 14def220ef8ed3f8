//! The result of a comparison of pools of preference pairs as a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::{MarginRecord, PairSource};
use super::measure::PairResult;
use super::outcome::PairMeasure;
use super::subset::{PairMatching, PairSubset};
use crate::{Bootstrap, Estimate, ModelRecord, RecipeRecord, SourceCount};

/// Everything that `lobass compare --pairs` found: `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairReport {
    /// Version of this format: 1.
    pub version: u32,
    /// The tool and its version.
    pub tool: String,
    /// The model that all training starts from, which is also the anchor of the objective.
    pub base: ModelRecord,
    /// The objective: `dpo` or `davir-dpo`.
    pub objective: String,
    /// The factor of its margins.
    pub beta: f64,
    /// How every subset was trained on.
    pub recipe: RecipeRecord,
    /// The pairs to train on, by source.
    pub pool: Vec<PairSource>,
    /// The held-out pairs, by source.
    pub held_out: Vec<PairSource>,
    /// Held-out pairs that were left out, since a pair to train on has the same prompt.
    pub n_same_prompt: u64,
    /// Held-out pairs that were left out, since a pair to train on has nearly the same text.
    pub n_near: u64,
    /// The share of prompts that was held out of the pool, if no held-out files were given.
    pub eval_share: Option<f64>,
    /// Whether the rule that knows lengths only prefers the longer response: what most pairs to train on prefer.
    pub rule_prefers_longer: bool,
    /// How much was selected, if strategies are compared.
    pub budget: Option<String>,
    /// The steps of every training at equal steps.
    pub matched_steps: Option<u64>,
    /// The tokens of every training at equal tokens.
    pub matched_tokens: Option<u64>,
    /// The margins that strategies read, if any does.
    pub margins: Option<MarginRecord>,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Every way to train, and the base untrained.
    pub arms: Vec<PairArmReport>,
    /// Differences of arms, paired by example.
    pub differences: Vec<PairDifference>,
}

/// One way to train, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairArmReport {
    /// Its name.
    pub name: String,
    /// Which pairs it trains on.
    pub subset: PairSubset,
    /// The matching of its trainings; the untrained base has none.
    pub matching: Option<PairMatching>,
    /// Pairs of its subset, the mean over seeds.
    pub n_pairs: f64,
    /// Tokens that were trained on, of both responses, the mean over seeds.
    pub n_tokens: f64,
    /// Optimizer steps, the mean over seeds.
    pub n_steps: f64,
    /// Those tokens over the tokens of its subset.
    pub passes: f64,
    /// The pairs of its subset by source, with the first seed.
    pub sources: Vec<SourceCount>,
    /// Results on held-out pairs, those of all sources first.
    pub results: Vec<PairResult>,
    /// The plain values of each seed.
    pub seeds: Vec<PairSeed>,
}

impl PairArmReport {
    /// A measure on a source.
    pub fn measure(&self, source: &str, measure: PairMeasure) -> Option<Estimate> {
        self.results.iter().find(|result| result.source == source)?.measures.get(&measure).copied()
    }

    /// A measure on a source as text, or a dash where it is not known.
    pub fn shown(&self, source: &str, measure: PairMeasure, say: impl Fn(&Estimate) -> String) -> String {
        self.measure(source, measure).map_or_else(|| "-".to_owned(), |estimate| say(&estimate))
    }
}

/// The values of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairSeed {
    /// The seed of the order of keys and of the training; the untrained base has no seed.
    pub seed: Option<u64>,
    /// By source, and of [`ALL`](crate::ALL).
    pub sources: BTreeMap<String, BTreeMap<PairMeasure, f64>>,
}

/// One way to train minus another, paired by example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairDifference {
    /// The arm under test.
    pub arm: String,
    /// The arm that it is compared with.
    pub baseline: String,
    /// The matching of both.
    pub matching: PairMatching,
    /// The source, or [`ALL`](crate::ALL).
    pub source: String,
    /// Of preference accuracies; above zero is better.
    pub accuracy: Estimate,
    /// Of the objective's losses; below zero is better.
    pub loss: Estimate,
}

impl PairReport {
    /// The trained arms of a matching, and the base untrained.
    pub fn arms_of(&self, matching: PairMatching) -> impl Iterator<Item = &PairArmReport> {
        self.arms.iter().filter(move |arm| arm.matching.is_none_or(|found| found == matching))
    }

    /// An arm by name.
    pub fn arm(&self, name: &str, matching: PairMatching) -> Option<&PairArmReport> {
        self.arms_of(matching).find(|arm| arm.name == name)
    }

    /// A difference by names.
    pub fn difference(
        &self,
        arm: &str,
        baseline: &str,
        matching: PairMatching,
        source: &str,
    ) -> Option<&PairDifference> {
        self.differences.iter().find(|difference| {
            (difference.arm.as_str(), difference.baseline.as_str()) == (arm, baseline)
                && difference.matching == matching
                && difference.source == source
        })
    }

    /// Which matchings there are.
    pub fn matchings(&self) -> Vec<PairMatching> {
        let has = |matching| self.arms.iter().any(|arm| arm.matching == Some(matching));
        PairMatching::ALL.into_iter().filter(|&matching| has(matching)).collect()
    }

    /// The names of sources with held-out pairs; if there are several, [`ALL`](crate::ALL) comes first.
    pub fn measured_sources(&self) -> Vec<&str> {
        let results = self.arms.first().map_or(&[][..], |arm| &arm.results);
        results.iter().map(|result| result.source.as_str()).collect()
    }
}
