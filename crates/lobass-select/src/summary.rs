//! The summary of a selection: kept rows, unusable rows, and correlations of the score.

use std::cmp::Ordering;

use lobass_core::{Numbers, RowStatus, Score, ScoreColumns, Selected, Selection};

use crate::length_correlation::spearman_with_counts;
use crate::select::Chosen;

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

/// Candidates with the same score as the last row that was kept, of which some were kept and some were not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ties {
    /// Their score.
    pub score: f64,
    /// All of them.
    pub n_candidates: u64,
    /// Those that were kept: the seed chose them.
    pub n_selected: u64,
}

/// The summary of a selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows of each status that occurs, in the order of [`RowStatus::ALL`].
    pub statuses: Vec<(RowStatus, u64)>,
    /// Each source's part, in the order of the names.
    pub sources: Vec<SourceShare>,
    /// Spearman correlation of the score with the number of scored tokens, over all candidates.
    pub length_correlation: Option<f64>,
    /// Mean number of scored tokens in the pool's scored rows, and in the selection.
    pub mean_scored_tokens: (f64, f64),
    /// The best and the worst score that was kept, by the end of the score that is kept.
    pub kept_scores: Option<(f64, f64)>,
    /// Whether the seed decided which of several equal candidates were kept.
    pub ties: Option<Ties>,
}

/// Looks at a selection from outside, by the scores that it was ranked by.
///
/// `n log n` in the rows, for the correlation. Beside the columns it takes 2 bytes for each row.
pub fn summarize(columns: &ScoreColumns, chosen: &Chosen) -> Summary {
    let Chosen { selection, scores, .. } = chosen;
    let rows_of = |status| columns.statuses.iter().filter(|other| **other == status).count() as u64;
    let statuses = RowStatus::ALL.into_iter().map(|status| (status, rows_of(status)));
    let rows = || selection.selected.iter().filter_map(|selected| usize::try_from(selected.row).ok());
    let n_scored = |row: usize| columns.n_scored[row];
    let scored = (0..columns.len()).filter(|&row| columns.statuses[row].is_scored());
    Summary {
        statuses: statuses.filter(|(_, n)| *n > 0).collect(),
        sources: sources(columns, rows()),
        length_correlation: spearman_with_counts(scores, &columns.n_scored),
        mean_scored_tokens: (mean(scored.map(n_scored)), mean(rows().map(n_scored))),
        kept_scores: kept_scores(selection).map(|(best, worst)| (best.value(), worst.value())),
        ties: ties(selection, scores),
    }
}

/// The best and the worst score that was kept. Rows of a set are not in the order of their scores.
fn kept_scores(selection: &Selection) -> Option<(Score, Score)> {
    let scores = || selection.selected.iter().map(|selected| selected.score);
    let compare = |left: &Score, right: &Score| selection.direction.compare(*left, *right);
    Some((scores().min_by(compare)?, scores().max_by(compare)?))
}

/// Ties at the border, if the kept rows are the best by rank.
fn ties(selection: &Selection, scores: &Numbers) -> Option<Ties> {
    let (_, border) = kept_scores(selection)?;
    let (mut n_better, mut n_equal) = (0u64, 0u64);
    for score in scores.iter().flatten().filter_map(Score::new) {
        match selection.direction.compare(score, border) {
            Ordering::Less => n_better += 1,
            Ordering::Equal => n_equal += 1,
            Ordering::Greater => {}
        }
    }
    let is_better = |selected: &&Selected| selection.direction.compare(selected.score, border).is_lt();
    let n_kept_better = selection.selected.iter().filter(is_better).count() as u64;
    let n_selected = selection.selected.len() as u64 - n_kept_better;
    (n_kept_better == n_better && n_selected < n_equal).then(|| Ties {
        score: border.value(),
        n_candidates: n_equal,
        n_selected,
    })
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
    use lobass_core::{Budget, ScoreRecord};

    use super::*;
    use crate::strategies::Longest;
    use crate::{Request, select};

    #[test]
    fn by_hand() {
        let record = |(row, source, status, n_scored): (u64, &str, RowStatus, u32)| {
            let scored = ScoreRecord::scored(row, n_scored, 8.0, 0.0);
            ScoreRecord {
                status,
                source: source.to_owned(),
                base: scored.base.filter(|_| status.is_scored()),
                reference: None,
                ..scored
            }
        };
        let records = [
            (0, "b", RowStatus::Ok, 1),
            (1, "a", RowStatus::Overlong, 0),
            (2, "b", RowStatus::HeldOut, 2),
            (3, "a", RowStatus::Truncated, 4),
            (4, "b", RowStatus::Ok, 5),
        ];
        let columns = ScoreColumns::of(&records.map(record), 0);
        let chosen = select(&columns, &Request::new(&Longest, Budget::Rows(2))).unwrap();
        let summary = summarize(&columns, &chosen);
        let share =
            |source: &str, n_pool, n_selected| SourceShare { source: source.to_owned(), n_pool, n_selected };
        assert_eq!(summary.sources, [share("a", 2, 1), share("b", 3, 1)]);
        let statuses = [RowStatus::Ok, RowStatus::Truncated, RowStatus::HeldOut, RowStatus::Overlong];
        assert_eq!(summary.statuses, statuses.into_iter().zip([2, 1, 1, 1]).collect::<Vec<_>>());
        assert_eq!(summary.mean_scored_tokens, (3.0, 4.5));
        assert_eq!(summary.length_correlation, Some(1.0));
    }
}
