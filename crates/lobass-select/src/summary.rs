//! What was kept, what could not be, and what the score goes with.

use std::collections::{BTreeMap, HashSet};

use lobass_core::{RowStatus, ScoreRecord, Selection};

use crate::Strategy;
use crate::correlation::spearman;

/// One source's part in a pool and in a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceShare {
    /// The source.
    pub source: String,
    /// Its rows in the pool.
    pub n_pool: u64,
    /// Its rows in the selection.
    pub n_selected: u64,
}

/// What people want to know of a selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows of each status that occurs, in the order of [`RowStatus::ALL`].
    pub statuses: Vec<(RowStatus, u64)>,
    /// Each source's part, in the order of the names.
    pub sources: Vec<SourceShare>,
    /// Spearman correlation of the score with the number of scored tokens, over all rows that have a score.
    pub length_correlation: Option<f64>,
    /// Mean number of scored tokens in the pool's scored rows, and in the selection.
    pub mean_scored_tokens: (f64, f64),
}

/// Looks at a selection from outside.
pub fn summarize(records: &[ScoreRecord], strategy: &Strategy, selection: &Selection) -> Summary {
    let chosen: HashSet<u64> = selection.selected.iter().map(|selected| selected.row).collect();
    let mut statuses: BTreeMap<RowStatus, u64> = BTreeMap::new();
    let mut sources: BTreeMap<&str, SourceShare> = BTreeMap::new();
    for record in records {
        *statuses.entry(record.status).or_default() += 1;
        let share = sources.entry(&record.source).or_insert_with(|| SourceShare {
            source: record.source.clone(),
            n_pool: 0,
            n_selected: 0,
        });
        share.n_pool += 1;
        share.n_selected += u64::from(chosen.contains(&record.row));
    }
    let scores = strategy.scores(records, selection.seed);
    let pairs: Vec<_> = records
        .iter()
        .zip(scores)
        .filter_map(|(record, score)| Some((score?.value(), f64::from(record.n_scored))))
        .collect();
    let scored = |record: &&ScoreRecord| record.status.is_scored();
    Summary {
        statuses: statuses.into_iter().collect(),
        sources: sources.into_values().collect(),
        length_correlation: spearman(&pairs),
        mean_scored_tokens: (
            mean_tokens(records.iter().filter(scored)),
            mean_tokens(records.iter().filter(|record| chosen.contains(&record.row))),
        ),
    }
}

fn mean_tokens<'a>(records: impl Iterator<Item = &'a ScoreRecord>) -> f64 {
    let (count, sum) =
        records.fold((0u64, 0u64), |(count, sum), record| (count + 1, sum + u64::from(record.n_scored)));
    if count == 0 { 0.0 } else { sum as f64 / count as f64 }
}
