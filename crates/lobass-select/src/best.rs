//! The best rows within a budget, in one pass and in the memory of what is kept.

use std::cmp::Ordering;

use lobass_core::{Budget, Direction, Numbers, Score, ScoreColumns};

use crate::hashes::Hashes;

/// The order of rows with scores: the better one first, and of equal ones that with the smaller hash of its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranking<'a> {
    columns: &'a ScoreColumns,
    hashes: Hashes<'a>,
    direction: Direction,
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(columns: &'a ScoreColumns, hashes: Hashes<'a>, direction: Direction) -> Self {
        Self { columns, hashes, direction }
    }

    /// The same ranking in another direction.
    pub(crate) fn turned(self, direction: Direction) -> Self {
        Self { direction, ..self }
    }

    /// The score table.
    pub(crate) fn columns(self) -> &'a ScoreColumns {
        self.columns
    }

    /// The hash of every row's key.
    pub(crate) fn hashes(self) -> &'a [u64] {
        self.hashes.all()
    }

    /// Whether the first of two rows comes before the second.
    pub(crate) fn is_before(self, first: (usize, Score), second: (usize, Score)) -> bool {
        let candidate = |(row, score)| self.candidate(row, score);
        self.compare(&candidate(first), &candidate(second)).is_lt()
    }

    #[inline]
    pub(crate) fn candidate(self, row: usize, score: Score) -> Candidate {
        let tie = self.hashes.upper_half(row);
        Candidate { score, tie, at: u32::try_from(row).expect("at most 2^31 rows") }
    }

    /// The better one is less. Keys are unique, so the row decides only where two of them share a hash.
    #[inline]
    pub(crate) fn compare(self, left: &Candidate, right: &Candidate) -> Ordering {
        self.direction.compare(left.score, right.score).then(left.tie.cmp(&right.tie)).then_with(|| {
            let tie = |candidate: &Candidate| self.hashes.of(candidate.at);
            tie(left).cmp(&tie(right)).then(left.at.cmp(&right.at))
        })
    }
}

/// Where ranking stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// After this number of rows.
    Rows(usize),
    /// Before the first row with which those before it have more tokens.
    Tokens(u64),
}

impl Limit {
    /// Where ranking a whole pool stops.
    pub(crate) fn of(budget: Budget, n_rows: u64) -> Self {
        match (budget, budget.row_limit(n_rows)) {
            (Budget::Tokens(tokens), _) => Self::Tokens(tokens),
            (_, rows) => Self::Rows(rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX)),
        }
    }
}

/// The best rows of a pool, the best first.
pub(crate) fn best_of_all(ranking: Ranking<'_>, scores: &Numbers, limit: Limit) -> Vec<Candidate> {
    let mut best = Best::new(ranking, limit, scores.iter().flatten().count());
    for (row, score) in scores.iter().enumerate() {
        if let Some(score) = score.and_then(Score::new) {
            best.push(row, score);
        }
    }
    best.ranked()
}

/// A row that may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) score: Score,
    /// The upper half of its hash, or 0 if hashes are looked up. It decides most comparisons of equal scores.
    tie: u32,
    pub(crate) at: u32,
}

/// Collects the best candidates of a table.
///
/// When there are twice as many as the limit allows, the worse half is dropped. From then on, candidates that are no
/// better than the best dropped one are skipped. So the time is linear in the rows, except for sorting those that are
/// kept.
#[derive(Debug)]
pub(crate) struct Best<'a> {
    ranking: Ranking<'a>,
    limit: Limit,
    kept: Vec<Candidate>,
    /// How many are collected before the worse half goes.
    room: usize,
    /// The best of those that went.
    bound: Option<Candidate>,
}

/// So few candidates that it does not matter how many there are.
const FEW: usize = if cfg!(test) { 8 } else { 1 << 16 };

impl<'a> Best<'a> {
    /// A collector of at most `n_rows` rows that will be offered.
    pub(crate) fn new(ranking: Ranking<'a>, limit: Limit, n_rows: usize) -> Self {
        let room = match limit {
            Limit::Rows(rows) => rows.saturating_mul(2).max(FEW),
            Limit::Tokens(_) => FEW,
        };
        let most = match limit {
            Limit::Rows(_) => room.min(n_rows),
            Limit::Tokens(_) => n_rows, // memory is taken when it is written to
        };
        Self { ranking, limit, kept: Vec::with_capacity(most), room, bound: None }
    }

    /// Offers a row.
    #[inline]
    pub(crate) fn push(&mut self, at: usize, score: Score) {
        let candidate = self.ranking.candidate(at, score);
        if self.kept.len() >= self.room {
            self.trim();
        }
        if self.bound.is_some_and(|bound| self.ranking.compare(&candidate, &bound).is_gt()) {
            return;
        }
        self.kept.push(candidate);
    }

    /// The kept rows, the best first.
    pub(crate) fn ranked(mut self) -> Vec<Candidate> {
        self.trim();
        let ranking = self.ranking;
        self.kept.sort_unstable_by(|left, right| ranking.compare(left, right));
        self.kept.shrink_to_fit();
        self.kept
    }

    /// Drops what the limit does not let through.
    fn trim(&mut self) {
        let through = match self.limit {
            Limit::Rows(rows) => self.part(rows),
            Limit::Tokens(tokens) => self.part_by_tokens(tokens),
        };
        if let Some(bound) = self.kept.get(through) {
            self.bound = Some(*bound);
            self.kept.truncate(through);
        }
        self.room = self.room.max(2 * through);
    }

    /// Puts the best `rows` rows first, and the next one after them; returns how many there are.
    fn part(&mut self, rows: usize) -> usize {
        let ranking = self.ranking;
        if rows < self.kept.len() {
            self.kept.select_nth_unstable_by(rows, |left, right| ranking.compare(left, right));
        }
        rows.min(self.kept.len())
    }

    /// Puts the best rows that fit into a number of tokens first, and returns how many there are. Bisects for the first
    /// row that does not fit.
    fn part_by_tokens(&mut self, tokens: u64) -> usize {
        let ranking = self.ranking;
        let (mut start, mut end, mut left) = (0, self.kept.len(), tokens);
        while start < end {
            let middle = usize::midpoint(start, end);
            self.kept[start..end]
                .select_nth_unstable_by(middle - start, |left, right| ranking.compare(left, right));
            let rows = &self.kept[start..=middle];
            let used: u64 =
                rows.iter().map(|candidate| ranking.columns.n_tokens_read(candidate.at as usize)).sum();
            if used <= left {
                left -= used;
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sorts everything and takes what fits.
    fn plainly(columns: &ScoreColumns, scores: &[i8], direction: Direction, limit: Limit) -> Vec<u32> {
        let score = |row: usize| Score::new(f64::from(scores[row])).unwrap();
        let mut rows: Vec<usize> = (0..scores.len()).collect();
        rows.sort_by_key(|&row| (columns.ties[row], row));
        rows.sort_by(|&a, &b| direction.compare(score(a), score(b)));
        let mut used = 0;
        let fits = |(rank, row): &(usize, usize)| {
            used += columns.n_tokens_read(*row);
            match limit {
                Limit::Rows(rows) => *rank < rows,
                Limit::Tokens(tokens) => used <= tokens,
            }
        };
        let fitting = rows.into_iter().enumerate().take_while(fits);
        fitting.map(|(_, row)| u32::try_from(row).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn one_pass_finds_what_sorting_finds(
            rows in prop::collection::vec((-4i8..5, 0u64..6, 0u32..9), 0..200),
            limit in prop_oneof![(0usize..220).prop_map(Limit::Rows), (0u64..900).prop_map(Limit::Tokens), (0u64..40).prop_map(Limit::Tokens)],
            descending: bool,
        ) {
            let scores: Vec<i8> = rows.iter().map(|row| row.0).collect();
            // Ties that share their upper half, their lower half, or all.
            let ties = rows.iter().map(|row| ((row.1 / 2) << 32) | (row.1 % 2)).collect();
            let n_tokens: Vec<u32> = rows.iter().map(|row| row.2).collect();
            let statuses = vec![lobass_core::RowStatus::Ok; rows.len()];
            let columns = ScoreColumns { statuses, ties, n_tokens, ..ScoreColumns::default() };
            let direction = if descending { Direction::Descending } else { Direction::Ascending };
            let mut best = Best::new(Ranking::new(&columns, Hashes::from(&columns), direction), limit, columns.len());
            for (at, &score) in scores.iter().enumerate() {
                best.push(at, Score::new(score.into()).unwrap());
            }
            let found: Vec<u32> = best.ranked().iter().map(|candidate| candidate.at).collect();
            prop_assert_eq!(found, plainly(&columns, &scores, direction, limit));
        }
    }
}
