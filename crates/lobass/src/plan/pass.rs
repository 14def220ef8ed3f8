//! The work of a pass over a pool with one model.

use lobass_core::Sequence;
use lobass_core::readable::{Labelled, count, percent};
use lobass_loss::{Limits, Plan, Work};
use lobass_run::WorkDir;
use serde::Serialize;

use crate::error::Result;

/// The work of scoring a pool with one model.
#[derive(Debug, Clone, Serialize)]
pub struct PassWork {
    /// Tokens of all rows.
    pub n_tokens: u64,
    /// Scored tokens.
    pub n_scored: u64,
    /// Tokens without repeated sequences and sequences with nothing to score.
    pub n_unique_tokens: u64,
    /// Tokens that go through the layers: shared prefixes once per batch, each sequence up to its last scored token.
    pub n_rows: u64,
    /// Tokens that go through the last layer and the head.
    pub n_head_rows: u64,
    /// Batches.
    pub n_batches: u64,
    /// Tokens of the longest row.
    pub n_longest: u64,
    /// Rounds of batches, one for each thread. If layers are read from disk, each round reads all of them.
    #[serde(skip)]
    pub(super) n_rounds: u64,
    /// `n_rows` of each shard.
    #[serde(skip)]
    pub(super) rows: Vec<u64>,
}

impl PassWork {
    /// Plans all batches of a pool that is tokenized.
    pub(super) fn of(dir: &WorkDir, limits: &Limits, threads: usize) -> Result<Self> {
        let (mut all, mut n_batches, mut rows) = (Work::default(), 0, Vec::new());
        let (mut n_longest, mut n_rounds) = (0, 0);
        for sequences in dir.calls() {
            let sequences = sequences?;
            let plan = Plan::new(&sequences, limits);
            let work = plan.work(&sequences);
            all += work;
            rows.push(work.n_rows);
            n_batches += plan.n_batches() as u64;
            n_rounds += plan.n_batches().div_ceil(threads) as u64;
            let longest = sequences.iter().map(Sequence::n_tokens).max();
            n_longest = n_longest.max(longest.unwrap_or_default() as u64);
        }
        let Work { n_tokens, n_scored, n_unique_tokens, n_rows, n_head_rows } = all;
        Ok(Self {
            n_tokens,
            n_scored,
            n_unique_tokens,
            n_rows,
            n_head_rows,
            n_batches,
            n_longest,
            n_rounds,
            rows,
        })
    }

    pub(super) fn describe(&self, text: &mut Labelled) {
        let Self { n_tokens, n_scored, n_unique_tokens, n_rows, n_head_rows, n_batches, .. } = *self;
        text.line("tokens", format!("{} in all, {} of them scored", count(n_tokens), count(n_scored)));
        text.line(
            "tokens",
            format!(
                "{} without duplicates and rows with nothing to score ({})",
                count(n_unique_tokens),
                percent(n_unique_tokens, n_tokens)
            ),
        );
        text.line(
            "rows",
            format!(
                "{} with shared prefixes once per batch, up to the last scored token ({} of all tokens)",
                count(n_rows),
                percent(n_rows, n_tokens)
            ),
        );
        text.line(
            "head",
            format!(
                "{} rows in the last layer and the head ({} of the rows)",
                count(n_head_rows),
                percent(n_head_rows, n_rows)
            ),
        );
        text.line("batches", format!("{}, for each model", count(n_batches)));
    }
}
