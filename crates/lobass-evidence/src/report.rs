//! The result of a comparison as a file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bootstrap, Cost, Estimate};

/// The quantity that trainings on different subsets have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// Equal tokens, and so about equal steps: a small subset is repeated.
    Tokens,
    /// Equal passes over the subset: a small subset is trained on for a shorter time.
    Epochs,
}

impl Matching {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tokens, Self::Epochs];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Epochs => "epochs",
        }
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything that `lobass compare` found: `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this format: 1.
    pub version: u32,
    /// The tool and its version.
    pub tool: String,
    /// The model that all training starts from.
    pub base: ModelRecord,
    /// The pool that was selected from.
    pub pool: PoolRecord,
    /// How much was selected, as it was asked for.
    pub budget: String,
    /// How every subset was trained on.
    pub recipe: RecipeRecord,
    /// The tokens of every training at equal tokens.
    pub matched_tokens: Option<u64>,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// The held-out examples.
    pub held_out: HeldOutRecord,
    /// Every way to train, and the base untrained.
    pub arms: Vec<ArmReport>,
    /// Differences of arms, paired by example.
    pub differences: Vec<Difference>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Digest of its config and weights.
    pub weights_digest: String,
    /// How many numbers it has.
    pub n_parameters: u64,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRecord {
    /// The plan of its score table: data, tokenizer, template.
    pub plan: String,
    /// Digest of all tokens and losses of the table, if it has one.
    pub digest: Option<String>,
    /// Rows.
    pub n_rows: u64,
    /// Rows that could be selected: scored, and not held out.
    pub n_eligible: u64,
    /// Tokens of those.
    pub n_tokens: u64,
    /// Those rows by source.
    pub sources: Vec<SourceCount>,
}

/// A number of rows of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCount {
    /// The source.
    pub source: String,
    /// Its rows.
    pub n_rows: u64,
}

/// How subsets were trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipeRecord {
    /// Which weights: `full` or `lora`.
    pub method: String,
    /// Passes over a subset at equal epochs.
    pub epochs: u32,
    /// Examples a step.
    pub batch_size: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// The learning-rate schedule.
    pub schedule: String,
}

/// The held-out examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldOutRecord {
    /// Those that were measured on, by source.
    pub sources: Vec<SourceCount>,
    /// Their scored tokens.
    pub n_scored: u64,
    /// Left out: nothing of them could be scored.
    pub n_unscorable: u64,
    /// Left out: a row of the pool has the same prompt.
    pub n_same_prompt: u64,
    /// Left out: a row of the pool has nearly the same text.
    pub n_near: u64,
}

/// One way to train, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmReport {
    /// The strategy; `full` for all rows, and `zero-shot` for the base untrained.
    pub strategy: String,
    /// The end of the score that was kept, if it is not the strategy's own: `ascending` or `descending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<String>,
    /// Nats of shrinkage in its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrinkage: Option<f64>,
    /// The matching of its trainings; the untrained base has none.
    pub matching: Option<Matching>,
    /// Rows of its subset, the mean over seeds.
    pub n_rows: f64,
    /// Tokens that were trained on, the mean over seeds.
    pub n_tokens: f64,
    /// Optimizer steps, the mean over seeds.
    pub n_steps: f64,
    /// Those tokens over the tokens of its subset.
    pub passes: f64,
    /// The cost.
    pub cost: Cost,
    /// Spearman correlation of the score that was ranked by with the response's length, over the candidates.
    pub length_correlation: Option<f64>,
    /// Mean scored tokens of the rows of its subset.
    pub mean_scored_tokens: Option<f64>,
    /// The rows of its subset by source, with the first seed.
    pub sources: Vec<SourceCount>,
    /// Results on the held-out examples, those of all first.
    pub results: Vec<SourceResult>,
    /// The results as plain sums, for each seed.
    pub seeds: Vec<SeedTotals>,
}

impl ArmReport {
    /// Its strategy, with what makes its score another than the plain one, as in `lobass (shrinkage 30)`.
    pub fn label(&self) -> String {
        let shrinkage = self.shrinkage.map(|nats| format!("shrinkage {nats}"));
        let changes: Vec<String> = self.turned.clone().into_iter().chain(shrinkage).collect();
        match changes.is_empty() {
            true => self.strategy.clone(),
            false => format!("{} ({})", self.strategy, changes.join(", ")),
        }
    }

    /// The result on a source.
    pub fn result(&self, source: &str) -> Option<&SourceResult> {
        self.results.iter().find(|result| result.source == source)
    }
}

/// The share of right answers that some arm must exceed, for answers to be shown.
pub const FLOOR: f64 = 0.1;

/// The result of an arm on the examples of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceResult {
    /// The source, or [`ALL`](crate::ALL).
    pub source: String,
    /// Its examples.
    pub n_examples: u64,
    /// Nats per scored token.
    pub loss: Estimate,
    /// The share of examples of which greedy decoding gives every scored token.
    pub exact: Estimate,
    /// The share of scored tokens that are the most likely one.
    pub matched: Estimate,
    /// Of the examples that have wrong responses: the share whose right one has the lowest loss per token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Estimate>,
    /// Of the examples whose answer is known: the share whose most likely answer is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Estimate>,
    /// The same of sampled answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Estimate>,
}

/// Plain sums of one trial, over all held-out examples of each source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedTotals {
    /// The seed of the selection and of the training; the untrained base has no seed.
    pub seed: Option<u64>,
    /// By source, and of [`ALL`](crate::ALL).
    pub sources: BTreeMap<String, Totals>,
}

/// Sums over examples.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Nats.
    pub nll: f64,
    /// Scored tokens.
    pub n_scored: u64,
    /// Scored tokens that are the most likely one.
    pub n_matched: u64,
    /// Examples.
    pub n_examples: u64,
    /// Examples of which every scored token is.
    pub n_exact: u64,
    /// Examples that have wrong responses.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_choices: u64,
    /// Of those, examples whose right response is chosen; parts of one where responses are equally likely.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub n_right: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_nothing(n: &f64) -> bool {
    *n == 0.0
}

/// One arm minus another, paired by example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The strategy under test.
    pub strategy: String,
    /// The strategy that it is compared with.
    pub baseline: String,
    /// The matching of both.
    pub matching: Option<Matching>,
    /// The source, or [`ALL`](crate::ALL).
    pub source: String,
    /// Nats per scored token; below zero is better.
    pub loss: Estimate,
    /// Share of exact examples; above zero is better.
    pub exact: Estimate,
    /// Share of matched tokens; above zero is better.
    pub matched: Estimate,
    /// Share of examples whose right response is chosen; above zero is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Estimate>,
    /// Of the examples whose answer is known: the share whose most likely answer is right; above zero is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Estimate>,
    /// The same of sampled answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Estimate>,
}

impl Report {
    /// The trained arms of a matching, and the base untrained.
    pub fn arms_of(&self, matching: Matching) -> impl Iterator<Item = &ArmReport> {
        self.arms.iter().filter(move |arm| arm.matching.is_none_or(|found| found == matching))
    }

    /// Whether an arm's share of right answers is above [`FLOOR`]. Below it, differences are noise.
    pub fn is_above_floor(&self, of: fn(&SourceResult) -> Option<Estimate>) -> bool {
        let results = self.arms.iter().flat_map(|arm| &arm.results);
        results.filter_map(of).any(|estimate| estimate.value > FLOOR)
    }

    /// Which measured answers are not shown, and why.
    pub fn hidden_answers(&self) -> Option<String> {
        let is_hidden = |of: fn(&SourceResult) -> Option<Estimate>| {
            let is_measured =
                self.arms.iter().flat_map(|arm| &arm.results).any(|result| of(result).is_some());
            is_measured && !self.is_above_floor(of)
        };
        let what = match (is_hidden(|result| result.answer), is_hidden(|result| result.sampled)) {
            (false, false) => return None,
            (false, true) => "Sampled answers",
            (true, false) => "Answers",
            (true, true) => "Answers and sampled answers",
        };
        Some(format!(
            "{what} were measured and are not shown: no model has more than {:.0} % right ones, and differences below that \
             are noise. The numbers are in results.json.",
            100.0 * FLOOR
        ))
    }

    /// An arm by name.
    pub fn arm(&self, strategy: &str, matching: Matching) -> Option<&ArmReport> {
        self.arms_of(matching).find(|arm| arm.strategy == strategy)
    }

    /// A difference by names.
    pub fn difference(
        &self,
        strategy: &str,
        baseline: &str,
        matching: Matching,
        source: &str,
    ) -> Option<&Difference> {
        self.differences.iter().find(|difference| {
            difference.strategy == strategy
                && difference.baseline == baseline
                && difference.matching == Some(matching)
                && difference.source == source
        })
    }

    /// Which matchings there are.
    pub fn matchings(&self) -> Vec<Matching> {
        let has = |matching| self.arms.iter().any(|arm| arm.matching == Some(matching));
        Matching::ALL.into_iter().filter(|&matching| has(matching)).collect()
    }
}
