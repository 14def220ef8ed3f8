//! The rows that may still be chosen.

use lobass_core::{Direction, Score};

use crate::best::Limit;

/// A row with a score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) row: u32,
    pub(super) score: Score,
    /// Of the sequence, and of the rejected one of a pair.
    pub(super) n_tokens: [u32; 2],
}

impl Row {
    fn n_tokens_read(&self) -> u64 {
        self.n_tokens.iter().map(|&n| u64::from(n)).sum()
    }
}

/// The rows that may still be chosen. Rows that share the score at the border are all held, since hashes of their keys
/// decide between them.
#[derive(Debug)]
pub(super) struct Kept {
    limit: Limit,
    rows: Vec<Row>,
    /// How many are held before the worse ones go.
    room: usize,
    n_eligible: u64,
}

/// So few rows that it does not matter how many there are.
const FEW: usize = if cfg!(test) { 8 } else { 1 << 14 };

impl Kept {
    /// For at most `n_rows` rows.
    pub(super) fn new(limit: Limit, n_rows: u64) -> Self {
        let room = match limit {
            Limit::Rows(rows) => rows.saturating_mul(2).max(FEW),
            Limit::Tokens(_) => FEW,
        };
        let most = usize::try_from(n_rows).unwrap_or(usize::MAX).min(room);
        Self { limit, rows: Vec::with_capacity(most), room, n_eligible: 0 }
    }

    /// Adds rows. Returns the worst score that may still be chosen, if worse rows had to go.
    pub(super) fn add(&mut self, rows: &[Row], n_eligible: u64, direction: Direction) -> Option<Score> {
        self.n_eligible += n_eligible;
        let border = (self.rows.len() + rows.len() > self.room).then(|| self.trim(direction)).flatten();
        self.rows.extend_from_slice(rows);
        border
    }

    /// Rows that had a score, whether or not they are held.
    pub(super) fn n_eligible(&self) -> u64 {
        self.n_eligible
    }

    /// Rows that are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that hashes decide between, and all better ones; ascending.
    pub(super) fn finish(&mut self, direction: Direction) -> Vec<Row> {
        self.trim(direction);
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by_key(|row| row.row);
        rows
    }

    fn trim(&mut self, direction: Direction) -> Option<Score> {
        let border = match self.limit {
            Limit::Rows(rows) => self.border_by_rows(rows, direction),
            Limit::Tokens(tokens) => self.border_by_tokens(tokens, direction),
        };
        if let Some(border) = border {
            self.rows.retain(|row| direction.compare(row.score, border).is_le());
        }
        self.room = self.room.max(2 * self.rows.len());
        border
    }

    /// The score of the last row that fits.
    fn border_by_rows(&mut self, rows: usize, direction: Direction) -> Option<Score> {
        let last = rows.checked_sub(1).filter(|last| *last < self.rows.len())?;
        let (_, last, _) =
            self.rows.select_nth_unstable_by(last, |left, right| direction.compare(left.score, right.score));
        Some(last.score)
    }

    /// The score of the first row that does not fit, whatever the order of equal scores.
    fn border_by_tokens(&mut self, tokens: u64, direction: Direction) -> Option<Score> {
        self.rows.sort_unstable_by(|left, right| direction.compare(left.score, right.score));
        let mut used = 0u64;
        let exceeds = |row: &&Row| {
            used = used.saturating_add(row.n_tokens_read());
            used > tokens
        };
        self.rows.iter().find(exceeds).map(|row| row.score)
    }
}
