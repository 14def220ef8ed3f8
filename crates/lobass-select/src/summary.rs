//! The summary of a selection: kept rows, unusable rows, and correlations of the score.

use std::cmp::Ordering;
use std::ops::Range;

use lobass_core::{Numbers, RowStatus, Score, ScoreColumns, Selected, Selection, parallel};

use crate::length_correlation::spearman_with_counts;
use crate::select::Chosen;

/// Rows that are worth a thread to count them.
const CHUNK: usize = if cfg!(test) { 2 } else { 1 << 18 };

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

/// Looks at a selection from outside, by the scores that it was ranked by. The result does not depend on the threads.
///
/// `n log n` in the rows, for the correlation. Beside the columns it takes 2 bytes for each row and thread, up to 8.
pub fn summarize(columns: &ScoreColumns, chosen: &Chosen, threads: usize) -> Summary {
    let Chosen { selection, scores, .. } = chosen;
    let kept_scores = kept_scores(selection);
    let compare = |score| Some(selection.direction.compare(score, kept_scores?.1));
    let size = columns.len().div_ceil(threads.max(1)).max(CHUNK);
    let tally =
        |at: usize| Tally::of(columns, scores, compare, at * size..columns.len().min((at + 1) * size));
    let tallies = parallel::each(columns.len().div_ceil(size), threads, tally);
    let tally = tallies.into_iter().reduce(Tally::and).unwrap_or_default();
    let statuses = RowStatus::ALL.into_iter().zip(tally.statuses);
    let rows = || selection.selected.iter().filter_map(|selected| usize::try_from(selected.row).ok());
    let mut kept_tokens = Mean::default();
    rows().for_each(|row| kept_tokens.add(columns.n_scored[row]));
    Summary {
        statuses: statuses.filter(|(_, n)| *n > 0).collect(),
        sources: sources(columns, &tally.sources, rows()),
        length_correlation: spearman_with_counts(scores, &columns.n_scored, threads),
        mean_scored_tokens: (tally.scored_tokens.value(), kept_tokens.value()),
        kept_scores: kept_scores.map(|(best, worst)| (best.value(), worst.value())),
        ties: kept_scores.and_then(|(_, border)| ties(selection, border, tally.n_better, tally.n_equal)),
    }
}

/// Numbers of rows of the pool.
#[derive(Debug, Default)]
struct Tally {
    /// By status, in the order of [`RowStatus::ALL`].
    statuses: Vec<u64>,
    /// By source, in the order of the columns.
    sources: Vec<u64>,
    /// Of scored rows.
    scored_tokens: Mean,
    /// Rows with a better score than the worst that was kept, and rows with that score.
    n_better: u64,
    n_equal: u64,
}

impl Tally {
    /// Counts a range of rows.
    ///
    /// - `compare`: a score with the worst that was kept
    fn of(
        columns: &ScoreColumns,
        scores: &Numbers,
        compare: impl Fn(Score) -> Option<Ordering>,
        rows: Range<usize>,
    ) -> Self {
        let of_rows = &columns.statuses[rows.clone()];
        let n_of = |status| of_rows.iter().filter(|other| **other == status).count() as u64;
        let statuses = RowStatus::ALL.into_iter().map(n_of).collect();
        let mut tally = Self { statuses, sources: vec![0; columns.source_names.len()], ..Self::default() };
        columns.sources[rows.clone()].iter().for_each(|&source| tally.sources[source as usize] += 1);
        for (status, n_scored) in of_rows.iter().zip(&columns.n_scored[rows.clone()]) {
            if status.is_scored() {
                tally.scored_tokens.add(*n_scored);
            }
        }
        for score in scores.of_rows(rows).flatten().filter_map(Score::new) {
            match compare(score) {
                Some(Ordering::Less) => tally.n_better += 1,
                Some(Ordering::Equal) => tally.n_equal += 1,
                Some(Ordering::Greater) | None => {}
            }
        }
        tally
    }

    fn and(mut self, other: Self) -> Self {
        self.statuses.iter_mut().zip(other.statuses).for_each(|(n, more)| *n += more);
        self.sources.iter_mut().zip(other.sources).for_each(|(n, more)| *n += more);
        self.scored_tokens.n += other.scored_tokens.n;
        self.scored_tokens.sum += other.scored_tokens.sum;
        self.n_better += other.n_better;
        self.n_equal += other.n_equal;
        self
    }
}

/// A mean of counts.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    n: u64,
    sum: u64,
}

impl Mean {
    fn add(&mut self, count: u32) {
        self.n += 1;
        self.sum += u64::from(count);
    }

    fn value(self) -> f64 {
        if self.n == 0 { 0.0 } else { self.sum as f64 / self.n as f64 }
    }
}

/// The best and the worst score that was kept. Rows of a set are not in the order of their scores.
fn kept_scores(selection: &Selection) -> Option<(Score, Score)> {
    let scores = || selection.selected.iter().map(|selected| selected.score);
    let compare = |left: &Score, right: &Score| selection.direction.compare(*left, *right);
    Some((scores().min_by(compare)?, scores().max_by(compare)?))
}

/// Ties at the border, if the kept rows are the best by rank.
fn ties(selection: &Selection, border: Score, n_better: u64, n_equal: u64) -> Option<Ties> {
    let is_better = |selected: &&Selected| selection.direction.compare(selected.score, border).is_lt();
    let n_kept_better = selection.selected.iter().filter(is_better).count() as u64;
    let n_selected = selection.selected.len() as u64 - n_kept_better;
    (n_kept_better == n_better && n_selected < n_equal).then(|| Ties {
        score: border.value(),
        n_candidates: n_equal,
        n_selected,
    })
}

/// - `n_pool`: the rows of each source
fn sources(columns: &ScoreColumns, n_pool: &[u64], chosen: impl Iterator<Item = usize>) -> Vec<SourceShare> {
    let share = |(source, n_pool): (&String, Option<&u64>)| SourceShare {
        source: source.clone(),
        n_pool: n_pool.copied().unwrap_or_default(),
        n_selected: 0,
    };
    let n_pool = (0..columns.source_names.len()).map(|source| n_pool.get(source));
    let mut shares: Vec<SourceShare> = columns.source_names.iter().zip(n_pool).map(share).collect();
    for row in chosen {
        shares[columns.sources[row] as usize].n_selected += 1;
    }
    shares.sort_by(|left, right| left.source.cmp(&right.source));
    shares
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
        let summary = summarize(&columns, &chosen, 1);
        for threads in [2, 8] {
            assert_eq!(summarize(&columns, &chosen, threads), summary);
        }
        let share =
            |source: &str, n_pool, n_selected| SourceShare { source: source.to_owned(), n_pool, n_selected };
        assert_eq!(summary.sources, [share("a", 2, 1), share("b", 3, 1)]);
        let statuses = [RowStatus::Ok, RowStatus::Truncated, RowStatus::HeldOut, RowStatus::Overlong];
        assert_eq!(summary.statuses, statuses.into_iter().zip([2, 1, 1, 1]).collect::<Vec<_>>());
        assert_eq!(summary.mean_scored_tokens, (3.0, 4.5));
        assert_eq!(summary.length_correlation, Some(1.0));
    }
}
