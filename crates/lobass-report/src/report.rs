//! The content of a page: plain data of bounded size, whatever the size of the pool.

use std::collections::BTreeMap;

use lobass_select::Border;
use serde::Serialize;
use serde_json::Value;

use crate::measure::{Histogram, Plane};
use crate::regions::RegionsPart;

/// Everything that is shown of a score table and of what strategies choose from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The title for people: the name of a run or of a table.
    pub title: String,
    /// The tool that made the table, with its version.
    pub tool: String,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows with losses.
    pub n_scored_rows: u64,
    /// Tokens of whole sequences, over the rows with losses.
    pub n_tokens: u64,
    /// Tokens that are scored, over the same rows.
    pub n_scored_tokens: u64,
    /// The budget, as the user wrote it.
    pub budget: String,
    /// The seed of ties.
    pub seed: u64,
    /// Rows of each status that occurs.
    pub statuses: Vec<StatusCount>,
    /// One per strategy, in the order in which they were asked for.
    pub views: Vec<View>,
    /// Strategies that this table has no numbers for.
    pub left_out: Vec<LeftOut>,
    /// How far each two strategies agree.
    pub overlaps: Vec<Overlap>,
    /// The rows that are shown, by their place in the pool.
    pub examples: BTreeMap<u64, Example>,
    /// Why the examples have no loss for each token, and how to get it; `None` if they have.
    pub without_heat: Option<String>,
    /// What fine-tuning taught, region by region, if that was measured.
    pub regions: Option<RegionsPart>,
    /// The manifest of the table.
    pub manifest: Value,
    /// The given command, and those that repeat it.
    pub commands: Vec<Command>,
}

/// Rows of one status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusCount {
    /// Its name.
    pub status: String,
    /// Whether rows of it have losses.
    pub is_scored: bool,
    /// Whether strategies may select rows of it.
    pub is_eligible: bool,
    /// Its rows.
    pub n_rows: u64,
    /// The first row of it that has a reason, and that reason.
    pub first_reason: Option<(u64, String)>,
}

/// The selection of one strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// Its name.
    pub strategy: String,
    /// Its score in words, with what changes it.
    pub score: String,
    /// Nats that were added to the denominator of every score.
    pub shrinkage: Option<f64>,
    /// Where it comes from.
    pub origin: String,
    /// Whether high scores are kept.
    pub keeps_high: bool,
    /// Candidates: rows with a score that could be kept. Ranks, correlations, and charts of scores are of them.
    pub n_eligible: u64,
    /// Rows with a score that could not be kept, and why.
    pub excluded: Vec<Excluded>,
    /// Whether the kept rows are the first by rank, so that there is a score at which the strategy stops.
    pub is_top: bool,
    /// Rows that are kept.
    pub n_selected: u64,
    /// Tokens of whole sequences that are kept.
    pub n_tokens: u64,
    /// The best and the worst score that is kept.
    pub kept_scores: Option<(f64, f64)>,
    /// Spearman's correlation of the score with the scored tokens, over the candidates.
    pub length_correlation: Option<f64>,
    /// Mean scored tokens of the pool's scored rows, and of the rows that are kept.
    pub mean_scored_tokens: (f64, f64),
    /// Each source's part, in the order of the names.
    pub sources: Vec<SourcePart>,
    /// Scores of the candidates, and of those that are kept.
    pub histogram: Histogram,
    /// Base against reference loss, per token; `None` with one model.
    pub losses: Option<Plane>,
    /// Where the strategy stops, if that is a line in this plane.
    #[serde(skip)]
    pub line: Option<Border>,
    /// Scored tokens against score.
    pub lengths: Plane,
    /// Which rows are shown.
    pub picks: Picks,
}

impl View {
    /// The score at which the strategy stops, if there is one.
    pub fn border(&self) -> Option<f64> {
        self.kept_scores.map(|(_, last)| last).filter(|_| self.is_top && self.n_selected < self.n_eligible)
    }
}

/// Rows with a score that could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Why.
    pub why: String,
    /// How many, each counted for the first reason.
    pub n_rows: u64,
}

/// One source's part in a pool and in a selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcePart {
    /// The source.
    pub source: String,
    /// Its rows in the pool.
    pub n_pool: u64,
    /// Its rows in the selection.
    pub n_selected: u64,
}

impl Report {
    /// The overlap of selections by chance, for all pairs of strategies.
    pub fn by_chance(&self) -> String {
        let all: Vec<String> = {
            let mut shares: Vec<f64> = self.overlaps.iter().map(|one| one.by_chance).collect();
            shares.sort_by(f64::total_cmp);
            shares.into_iter().map(crate::number::percent).collect()
        };
        match (all.first(), all.last()) {
            (Some(least), Some(most)) if least == most => least.clone(),
            (Some(least), Some(most)) => format!("{least} to {most}"),
            _ => "nothing".to_owned(),
        }
    }
}

/// A strategy that cannot be used on a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub strategy: String,
    /// Why.
    pub reason: String,
}

/// How far two strategies agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// One, by its place among the views.
    pub left: usize,
    /// The other.
    pub right: usize,
    /// The rows that both keep, as a share of the smaller selection.
    pub shared: f64,
    /// The share that selections by chance would have, each as large and of the same candidates.
    pub by_chance: f64,
    /// Rows of the smaller selection.
    pub k: usize,
    /// Spearman's correlation of the rankings, over the rows that are candidates of both, if there is any.
    pub spearman: Option<f64>,
}

/// A row among the ranks of a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ranked {
    /// Its place in the pool.
    pub row: u64,
    /// From 1.
    pub rank: u64,
    /// Its score.
    pub score: f64,
}

/// The rows that are shown of a strategy.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Picks {
    /// The best, best first.
    pub best: Vec<Ranked>,
    /// The last that are kept.
    pub last_kept: Vec<Ranked>,
    /// The first that are not.
    pub first_left: Vec<Ranked>,
    /// The worst, in the order of their ranks.
    pub worst: Vec<Ranked>,
}

impl Picks {
    /// Every row among them.
    pub fn rows(&self) -> impl Iterator<Item = u64> + '_ {
        let all = [&self.best, &self.last_kept, &self.first_left, &self.worst];
        all.into_iter().flatten().map(|ranked| ranked.row)
    }
}

/// A row that is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// Its name.
    pub key: String,
    /// Its source.
    pub source: String,
    /// Its status.
    pub status: String,
    /// Tokens of the whole sequence.
    pub n_tokens: u32,
    /// Tokens that are scored.
    pub n_scored: u32,
    /// Loss under the base, in nats per scored token.
    pub base: Option<f64>,
    /// The loss under the reference.
    pub reference: Option<f64>,
    /// The text of the row.
    pub body: Body,
}

/// The text of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Token by token, as a model sees it.
    Pieces(Vec<Piece>),
    /// Turn by turn, as in the data.
    Turns(Vec<Turn>),
    /// Nothing can be shown, and why.
    Missing(String),
}

/// A token, or several that share a character.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Its loss under the base and under the reference in nats, if it is scored.
    pub losses: Option<(f32, f32)>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Who speaks.
    pub role: String,
    /// The text.
    pub text: String,
    /// Whether it is scored.
    pub is_scored: bool,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The purpose of the command.
    pub what: String,
    /// The line.
    pub line: String,
}
