//! Regions and what was found in them: plain data.

use lobass_evidence::Bootstrap;
use serde::Serialize;

use crate::{Alike, Verdict};

/// How far a mean loss fell from the base to the reference: base minus reference, in nats or as a share of the loss
/// under the base. Below zero it rose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LossDrop {
    /// Over all rows and references.
    pub value: f64,
    /// The bootstrap interval over rows and references; `None` with too few rows.
    pub interval: Option<(f64, f64)>,
}

/// A row to look at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shown {
    /// Its place in the pool.
    pub row: u64,
    /// Its drop in nats per token, the mean over the references.
    pub drop: f64,
}

/// The tokens of one kind in a region.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Rows that have such tokens.
    pub n_rows: u64,
    /// The tokens.
    pub n_tokens: u64,
    /// The drop per token; `None` if there are no such tokens.
    pub per_token: Option<LossDrop>,
    /// What the interval says.
    pub verdict: Verdict,
}

/// Some rows of a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    /// The name.
    pub name: String,
    /// Rows with losses under all models.
    pub n_rows: u64,
    /// Rows without; they are left out of everything else.
    pub n_missing: u64,
    /// Scored tokens.
    pub n_tokens: u64,
    /// The drop per token: long rows count more; `None` without rows.
    pub per_token: Option<LossDrop>,
    /// The mean over rows of their drops per token: all rows count alike.
    pub per_row: Option<LossDrop>,
    /// The loss per token under the base, if it was given.
    pub base: Option<f64>,
    /// The drop as a share of the loss under the base: the LoBaSS score of the region as a whole.
    pub share: Option<LossDrop>,
    /// What the interval of the drop per token says.
    pub verdict: Verdict,
    /// The interval that holds for all regions together.
    pub joint: Option<(f64, f64)>,
    /// Whether that wider interval says the same.
    pub holds_jointly: bool,
    /// The size of the drop per token times the rows: how much a repair could change.
    pub weight: f64,
    /// The drop per token under references that were trained on the rows, if the table has it beside others.
    pub in_sample: Option<f64>,
    /// Tokens of format, if they were told apart.
    pub format: Option<Part>,
    /// Tokens of content, if they were told apart.
    pub content: Option<Part>,
    /// The rows whose loss fell most, the first most.
    pub most: Vec<Shown>,
    /// The rows whose loss fell least, or rose, the first least.
    pub least: Vec<Shown>,
}

/// All regions of a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regions {
    /// All rows as one region.
    pub all: Region,
    /// The regions, in the order in which they were given.
    pub regions: Vec<Region>,
    /// The regions that were not learned, as places among the regions: those with the largest weight first.
    pub queue: Vec<usize>,
    /// Whether verdicts tell regions apart; `None` with fewer than three that were judged.
    pub alike: Option<Alike>,
    /// References that the drops are of.
    pub n_references: usize,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// The smallest drop or rise that counts.
    pub margin: f64,
    /// The fewest rows that are judged.
    pub min_rows: usize,
}
