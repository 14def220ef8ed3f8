//! What was kept, what could not be, and what the score goes with.

use lobass_core::{RowStatus, ScoreColumns, Selection};

use crate::Strategy;
use crate::correlation::spearman_with_counts;

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
///
/// `n log n` in the rows, for the correlation. Beside the columns it takes 16 bytes for each row.
pub fn summarize(columns: &ScoreColumns, strategy: &Strategy, selection: &Selection) -> Summary {
    let scores = strategy.scores(columns);
    let length_correlation = spearman_with_counts(scores, &columns.n_scored);
    let rows_of = |status| columns.statuses.iter().filter(|other| **other == status).count() as u64;
    let statuses = RowStatus::ALL.into_iter().map(|status| (status, rows_of(status)));
    let chosen = || selection.selected.iter().filter_map(|selected| usize::try_from(selected.row).ok());
    let n_scored = |row: usize| columns.n_scored[row];
    let scored = (0..columns.len()).filter(|&row| columns.statuses[row].is_scored());
    Summary {
        statuses: statuses.filter(|(_, n)| *n > 0).collect(),
        sources: sources(columns, chosen()),
        length_correlation,
        mean_scored_tokens: (mean(scored.map(n_scored)), mean(chosen().map(n_scored))),
    }
}

fn sources(columns: &ScoreColumns, chosen: impl Iterator<Item = usize>) -> Vec<SourceShare> {
    let share = |source: &String| SourceShare { source: source.clone(), n_pool: 0, n_selected: 0 };
    let mut shares: Vec<SourceShare> = columns.source_names.iter().map(share).collect();
    for &source in &columns.sources {
        shares[source as usize].n_pool += 1;
    }
    for row in chosen {
        shares[columns.sources[row] as usize].n_selected += 1;
    }
    shares.sort_by(|left, right| left.source.cmp(&right.source));
    shares
}

fn mean(counts: impl Iterator<Item = u32>) -> f64 {
    let (n, sum) = counts.fold((0u64, 0u64), |(n, sum), count| (n + 1, sum + u64::from(count)));
    if n == 0 { 0.0 } else { sum as f64 / n as f64 }
}

#[cfg(test)]
mod tests {
    use lobass_core::{Budget, ExampleKey, Nll, ScoreRecord};

    use super::*;
    use crate::{Request, select};

    #[test]
    fn by_hand() {
        let record = |(row, source, status, n_scored): (u64, &str, RowStatus, u32)| ScoreRecord {
            row,
            key: ExampleKey::new(format!("k{row}")),
            status,
            reason: None,
            source: source.to_owned(),
            n_tokens: 9,
            n_scored,
            base: status.is_scored().then_some(Nll { sum: 8.0, n_scored: n_scored.into() }),
            reference: None,
            in_sample: None,
            fold: None,
            rejected: None,
        };
        let records = [
            (0, "b", RowStatus::Ok, 1),
            (1, "a", RowStatus::Overlong, 0),
            (2, "b", RowStatus::HeldOut, 2),
            (3, "a", RowStatus::Truncated, 4),
            (4, "b", RowStatus::Ok, 5),
        ];
        let columns = ScoreColumns::of(&records.map(record), 0);
        let request = Request { budget: Budget::Rows(2), direction: None };
        let selection = select(&columns, &Strategy::Longest, &request).unwrap();
        let summary = summarize(&columns, &Strategy::Longest, &selection);
        let share =
            |source: &str, n_pool, n_selected| SourceShare { source: source.to_owned(), n_pool, n_selected };
        assert_eq!(summary.sources, [share("a", 2, 1), share("b", 3, 1)]);
        let statuses = [RowStatus::Ok, RowStatus::Truncated, RowStatus::HeldOut, RowStatus::Overlong];
        assert_eq!(summary.statuses, statuses.into_iter().zip([2, 1, 1, 1]).collect::<Vec<_>>());
        assert_eq!(summary.mean_scored_tokens, (3.0, 4.5));
        assert_eq!(summary.length_correlation, Some(1.0));
    }
}
