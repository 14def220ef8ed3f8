//! The ranked rows of one owner, and what it says of them.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::{Border, Count, Party, Place, Taken, Totals};

/// An owner of rows. It answers with counts, and remembers what it has said.
///
/// With a `min_count` above 1, answers are rounded: an answer that would tell fewer than `min_count` rows apart from an
/// earlier one is replaced by the earlier one. What the owner keeps in the end is what it has said, so the counts are
/// true of that. The selection is then no longer exactly that of the joined table. An owner with fewer than `min_count`
/// rows to choose from takes no part: it says that it has none, and keeps none.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The rows by their rank: places, and positions as they were given.
    ranked: Vec<(Place, usize)>,
    /// Tokens of the first so many ranked rows.
    tokens_before: Vec<u64>,
    n_rows: u64,
    min_count: u64,
    /// What was said: rows before a place.
    said: BTreeMap<Place, u64>,
}

impl Owner {
    /// Takes the rows that can be chosen, each with its place and its tokens, in the order of the owner's table.
    ///
    /// - `n_rows`: all rows of the table
    /// - `min_count`: how many rows an answer may tell apart at least; 0 and 1 answer exactly
    pub fn new(rows: &[(Place, u32)], n_rows: u64, min_count: u64) -> Self {
        let mut ranked: Vec<(Place, usize)> =
            rows.iter().enumerate().map(|(at, (place, _))| (*place, at)).collect();
        ranked.sort_unstable();
        let min_count = min_count.max(1);
        if (ranked.len() as u64) < min_count {
            ranked.clear();
        }
        let mut tokens_before = vec![0];
        for (_, at) in &ranked {
            tokens_before.push(tokens_before[tokens_before.len() - 1] + u64::from(rows[*at].1));
        }
        Self { ranked, tokens_before, n_rows, min_count, said: BTreeMap::new() }
    }

    /// The positions of the rows that it keeps, best first. Its own position among the owners is `at`.
    ///
    /// # Panics
    /// If the border is one of fewer owners.
    pub fn kept(&mut self, border: &Border, at: usize) -> Vec<usize> {
        let n_kept = match border {
            Border::All => self.ranked.len(),
            Border::Before { place, at_it } => index(self.rows_before(*place) + at_it[at]),
        };
        self.ranked[..n_kept].iter().map(|(_, at)| *at).collect()
    }

    /// What it says of the rows before a place.
    fn rows_before(&mut self, place: Place) -> u64 {
        let exact = self.exactly_before(place) as u64;
        if let Some(said) = self.said.get(&place) {
            return *said;
        }
        let below = self.said.range(..place).next_back().map_or(0, |(_, said)| *said);
        let above = self.said.range(place..).next().map_or(self.ranked.len() as u64, |(_, said)| *said);
        let (from_below, from_above) = (exact.saturating_sub(below), above.saturating_sub(exact));
        let rounded = match (from_below < self.min_count, from_above < self.min_count) {
            (false, false) => exact,
            (true, false) => below,
            (true, true) if from_below <= from_above => below,
            (_, true) => above,
        };
        self.said.insert(place, rounded);
        rounded
    }

    fn exactly_before(&self, place: Place) -> usize {
        self.ranked.partition_point(|(other, _)| *other < place)
    }

    fn count(&self, rows: std::ops::Range<usize>) -> Count {
        let tokens = self.tokens_before[rows.end] - self.tokens_before[rows.start];
        Count { rows: rows.len() as u64, tokens }
    }
}

impl Party for Owner {
    type Error = Infallible;

    fn totals(&mut self) -> Result<Totals, Infallible> {
        let eligible = self.count(0..self.ranked.len());
        Ok(Totals { n_rows: self.n_rows, eligible, min_count: self.min_count })
    }

    fn before(&mut self, place: Place) -> Result<Count, Infallible> {
        let n_rows = index(self.rows_before(place));
        Ok(self.count(0..n_rows))
    }

    fn take(&mut self, place: Place, left: Count) -> Result<Taken, Infallible> {
        let start = self.exactly_before(place);
        let same = self.ranked[start..].iter().take_while(|(other, _)| *other == place).count();
        let fits = |rows: &usize| {
            let count = self.count(start..start + rows);
            count.rows <= left.rows && count.tokens <= left.tokens
        };
        let taken = (0..=same).take_while(fits).last().unwrap_or(0);
        Ok(Taken { count: self.count(start..start + taken), is_full: taken < same })
    }
}

fn index(rows: u64) -> usize {
    usize::try_from(rows).expect("rows in memory")
}
