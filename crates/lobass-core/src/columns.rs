//! The score table as columns: what a selection over many rows holds in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::{Nll, Numbers, RowStatus, ScoreRecord, tie_break};

/// Which columns of a score table are wanted, beside those that every selection needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnSet {
    /// Losses, by their names without `_nll`: `base`, `reference`, `reference_rejected`, ..
    pub losses: BTreeSet<String>,
    /// The folds of cross-fitted references.
    pub folds: bool,
    /// The hashes of keys that order equal scores. Keys are most of a table, so these cost most of the time.
    pub ties: bool,
}

impl ColumnSet {
    /// Some columns of losses, and the hashes of keys, so that rows can be ranked.
    pub fn of_losses(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { losses: names.into_iter().map(Into::into).collect(), folds: false, ties: true }
    }

    /// Wants what another wants too.
    pub fn extend(&mut self, other: Self) {
        self.losses.extend(other.losses);
        self.folds |= other.folds;
        self.ties |= other.ties;
    }
}

/// A score table by columns, in the order of the pool: row 17 of the pool is at 17 of every column.
///
/// It holds neither keys nor reasons, which are most of a table. Instead it has the first reason of each status and, if
/// wanted, a hash of each key. That makes 13 bytes a row, 8 more
/// with hashes and for each column of losses, and 4 each for pairs and for folds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoreColumns {
    /// The seed of ties.
    pub seed: u64,
    /// Status of each row.
    pub statuses: Vec<RowStatus>,
    /// The name of each source that occurs, once.
    pub source_names: Vec<String>,
    /// Each row's source, as a position in the names.
    pub sources: Vec<u32>,
    /// Tokens in the whole sequence, of a pair in the chosen one; 0 for a row that never became one.
    pub n_tokens: Vec<u32>,
    /// Tokens that are scored, of a pair those of the chosen response.
    pub n_scored: Vec<u32>,
    /// [`tie_break`] of each row's key; empty if the keys were not read ([`ColumnSet::ties`]).
    pub ties: Vec<u64>,
    /// Tokens in the whole rejected sequence, 0 for a row that is no pair; empty without pairs.
    pub rejected_n_tokens: Vec<u32>,
    /// The fold of each row, [`Self::NO_FOLD`] for one that is in none; empty without folds.
    pub folds: Vec<u32>,
    /// Losses summed over the scored tokens, in nats, by the name of their column without `_nll`.
    pub losses: BTreeMap<String, Numbers>,
    /// The first row of each status that has a reason, and that reason.
    pub reasons: BTreeMap<RowStatus, (u64, String)>,
}

/// The column of a table that lacks it.
static NOTHING: Numbers = Numbers::new();

impl ScoreColumns {
    /// As many rows as there can be.
    pub const MAX_ROWS: usize = 1 << 31;
    /// Bytes of a row without hashes, losses, pairs, and folds.
    pub const ROW_BYTES: usize = 1 + 4 * 3;
    /// The fold of a row that is in none.
    pub const NO_FOLD: u32 = u32::MAX;

    /// No rows yet, and room for `n_rows`.
    pub fn with_capacity(n_rows: usize, seed: u64) -> Self {
        Self {
            seed,
            statuses: Vec::with_capacity(n_rows),
            sources: Vec::with_capacity(n_rows),
            n_tokens: Vec::with_capacity(n_rows),
            n_scored: Vec::with_capacity(n_rows),
            ..Self::default()
        }
    }

    /// All columns of some records, which are the rows of a pool from the first on.
    pub fn of(records: &[ScoreRecord], seed: u64) -> Self {
        let mut columns = Self::with_capacity(records.len(), seed);
        columns.ties.reserve_exact(records.len());
        for (record, row) in records.iter().zip(0..) {
            columns.statuses.push(record.status);
            let source = columns.source(&record.source);
            columns.sources.push(source);
            columns.n_tokens.push(record.n_tokens);
            columns.n_scored.push(record.n_scored);
            columns.ties.push(tie_break(record.key.as_str(), seed));
            if let Some(reason) = &record.reason {
                columns.reasons.entry(record.status).or_insert_with(|| (row, reason.clone()));
            }
        }
        if records.iter().any(|record| record.rejected.is_some()) {
            let tokens = records.iter().map(|record| record.rejected.map_or(0, |rejected| rejected.n_tokens));
            columns.rejected_n_tokens = tokens.collect();
        }
        if records.iter().any(|record| record.fold.is_some()) {
            columns.folds = records.iter().map(|record| record.fold.unwrap_or(Self::NO_FOLD)).collect();
        }
        columns.losses = Self::losses_of(records);
        columns
    }

    /// The columns of losses that any record has.
    fn losses_of(records: &[ScoreRecord]) -> BTreeMap<String, Numbers> {
        type Loss = fn(&ScoreRecord) -> Option<Nll>;
        let all: [(&str, Loss); 5] = [
            ("base", |record| record.base),
            ("reference", |record| record.reference),
            ("in_sample", |record| record.in_sample),
            ("base_rejected", |record| record.rejected?.base),
            ("reference_rejected", |record| record.rejected?.reference),
        ];
        let columns = all.into_iter().filter(|(_, loss)| records.iter().any(|record| loss(record).is_some()));
        let sums = |loss: Loss| records.iter().map(|record| Some(loss(record)?.sum)).collect();
        columns.map(|(name, loss)| (name.to_owned(), sums(loss))).collect()
    }

    /// Removes all rows, and keeps the memory and the seed.
    pub fn clear(&mut self) {
        self.statuses.clear();
        self.source_names.clear();
        self.sources.clear();
        self.n_tokens.clear();
        self.n_scored.clear();
        self.ties.clear();
        self.rejected_n_tokens.clear();
        self.folds.clear();
        self.losses.values_mut().for_each(|losses| losses.resize(0));
        self.reasons.clear();
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.statuses.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.statuses.is_empty()
    }

    /// A column of losses by the role of its model, or by its name without `_nll`; a column without numbers if the table
    /// lacks it.
    pub fn losses<'n>(&self, column: impl Into<Cow<'n, str>>) -> &Numbers {
        self.losses.get(column.into().as_ref()).unwrap_or(&NOTHING)
    }

    /// Tokens that a trainer reads for a row: those of its sequence, of a pair those of both.
    #[inline]
    pub fn n_tokens_read(&self, row: usize) -> u64 {
        let rejected = self.rejected_n_tokens.get(row).copied().unwrap_or_default();
        u64::from(self.n_tokens[row]) + u64::from(rejected)
    }

    /// Whether a row is a pair of a chosen and a rejected response.
    #[inline]
    pub fn is_pair(&self, row: usize) -> bool {
        self.rejected_n_tokens.get(row).is_some_and(|&n_tokens| n_tokens > 0)
    }

    /// The fold of a row.
    pub fn fold(&self, row: usize) -> Option<u32> {
        self.folds.get(row).copied().filter(|&fold| fold != Self::NO_FOLD)
    }

    /// The name of a row's source.
    pub fn source_name(&self, row: usize) -> Option<&str> {
        let source = usize::try_from(*self.sources.get(row)?).ok()?;
        self.source_names.get(source).map(String::as_str)
    }

    /// The position of a source among the names, which it joins if it is not there.
    fn source(&mut self, name: &str) -> u32 {
        let known = self.source_names.iter().rposition(|other| other == name);
        let at = known.unwrap_or_else(|| {
            self.source_names.push(name.to_owned());
            self.source_names.len() - 1
        });
        u32::try_from(at).expect("fewer sources than rows")
    }

    /// Adds the rows of another table, whose ties have the same seed, at the end. What only one of the two has is
    /// missing in the rows of the other. Both have ties, or neither has.
    ///
    /// # Panics
    /// If there are more than [`Self::MAX_ROWS`] rows then.
    pub fn append(&mut self, other: &Self) {
        let (before, after) = (self.len(), self.len() + other.len());
        assert!(after <= Self::MAX_ROWS, "expected at most {} rows, found {after}", Self::MAX_ROWS);
        let room = self.statuses.capacity().max(after);
        let codes: Vec<u32> = other.source_names.iter().map(|name| self.source(name)).collect();
        self.sources.extend(other.sources.iter().map(|&source| codes[source as usize]));
        self.statuses.extend_from_slice(&other.statuses);
        self.n_tokens.extend_from_slice(&other.n_tokens);
        self.n_scored.extend_from_slice(&other.n_scored);
        if self.ties.is_empty() {
            self.ties.reserve_exact(if other.ties.is_empty() { 0 } else { room });
        }
        self.ties.extend_from_slice(&other.ties);
        let optional = |mine: &mut Vec<u32>, others: &[u32], none: u32| {
            if !(mine.is_empty() && others.is_empty()) {
                mine.reserve_exact(room - mine.len());
                mine.resize(before, none);
                mine.extend_from_slice(others);
                mine.resize(after, none);
            }
        };
        optional(&mut self.rejected_n_tokens, &other.rejected_n_tokens, 0);
        optional(&mut self.folds, &other.folds, Self::NO_FOLD);
        for (name, losses) in &other.losses {
            let mine = self.losses.entry(name.clone()).or_insert_with(|| Numbers::with_capacity(room));
            mine.resize(before);
            mine.append(losses);
        }
        self.losses.values_mut().for_each(|losses| losses.resize(after));
        for (status, (row, reason)) in &other.reasons {
            self.reasons.entry(*status).or_insert_with(|| (before as u64 + row, reason.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ExampleKey, RejectedRecord};

    fn record(row: u64, kind: u8) -> ScoreRecord {
        let nll = |on: bool| on.then_some(Nll { sum: row as f64 + 0.5, n_scored: 2 });
        let rejected = RejectedRecord { n_tokens: 7, n_scored: 2, base: nll(true), reference: nll(kind > 4) };
        ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            status: RowStatus::ALL[usize::from(kind) % RowStatus::ALL.len()],
            reason: (kind % 2 == 1).then(|| format!("because {row}")),
            source: format!("s{}", kind % 3),
            n_tokens: 5,
            base: nll(kind != 0),
            reference: nll(kind == 3),
            in_sample: nll(kind == 2),
            fold: (kind == 2).then_some(1),
            rejected: (kind > 3).then_some(rejected),
            ..ScoreRecord::scored(row, 2, 0.0, 0.0)
        }
    }

    #[test]
    fn a_pair_is_read_twice() {
        let columns = ScoreColumns::of(&[record(0, 1), record(1, 5)], 0);
        assert_eq!((columns.n_tokens_read(0), columns.is_pair(0)), (5, false));
        assert_eq!((columns.n_tokens_read(1), columns.is_pair(1)), (12, true));
    }

    #[test]
    fn what_a_table_lacks_is_missing() {
        let columns = ScoreColumns::of(&[record(0, 1)], 0);
        assert_eq!((columns.losses("base").get(0), columns.losses("reference").get(0)), (Some(0.5), None));
        assert_eq!(
            (columns.fold(0), columns.source_name(0), columns.source_name(1)),
            (None, Some("s1"), None)
        );
        assert!(columns.folds.is_empty() && columns.rejected_n_tokens.is_empty());
    }

    proptest! {
        #[test]
        fn parts_make_the_whole(kinds in prop::collection::vec(0u8..9, 0..40), cut in 1usize..9, seed: u64) {
            let records: Vec<_> = kinds.iter().zip(0..).map(|(&kind, row)| record(row, kind)).collect();
            let whole = ScoreColumns::of(&records, seed);
            let mut parts = ScoreColumns::with_capacity(records.len(), seed);
            records.chunks(cut).for_each(|chunk| parts.append(&ScoreColumns::of(chunk, seed)));
            prop_assert_eq!(parts, whole);
        }
    }
}
