//! The report, as plain data.

use std::collections::BTreeMap;

use lobass_core::RowStatus;
use serde::Serialize;

use crate::CheckName;

/// The report of a check on a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Facts about each source, in the order of the pool.
    pub sources: Vec<SourceReport>,
    /// Findings, in the order of [`CheckName::ALL`], then of the sources.
    pub findings: Vec<Finding>,
    /// Checks that did not run.
    pub skipped: Vec<Skipped>,
    /// Rows of a source that were looked at, at most; all of them without a number.
    pub first_rows: Option<u64>,
}

impl Report {
    /// Rows that were looked at.
    pub fn n_rows(&self) -> u64 {
        self.sources.iter().map(|source| source.n_rows).sum()
    }
}

/// Facts about one source. None of them need be wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub source: String,
    /// Its files, each with how it is read.
    pub files: Vec<String>,
    /// Rows that were looked at.
    pub n_rows: u64,
    /// Rows by status, without those that are 0. Without a tokenizer, a row that can be read is `ok`.
    pub statuses: BTreeMap<RowStatus, u64>,
    /// Turns of readable rows by role.
    pub roles: BTreeMap<String, u64>,
    /// Readable rows with more than one response that is scored.
    pub n_several_responses: u64,
    /// Readable rows that list tools or call them.
    pub n_tools: u64,
    /// Readable rows whose responses come with a thought.
    pub n_thoughts: u64,
    /// Rows with the content of an earlier row of the pool.
    pub n_duplicates: u64,
    /// Rows that are near duplicates of an earlier row of the pool and not exact ones; `None` if not searched.
    pub n_near_duplicates: Option<u64>,
    /// Characters of a row's scored responses.
    pub response_characters: Option<Spread>,
    /// Tokens of a row; `None` without a tokenizer.
    pub tokens: Option<Spread>,
    /// Scored tokens of a row; `None` without a tokenizer.
    pub scored_tokens: Option<Spread>,
}

impl SourceReport {
    /// Nothing so far.
    pub(crate) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            files: Vec::new(),
            n_rows: 0,
            statuses: BTreeMap::new(),
            roles: BTreeMap::new(),
            n_several_responses: 0,
            n_tools: 0,
            n_thoughts: 0,
            n_duplicates: 0,
            n_near_duplicates: None,
            response_characters: None,
            tokens: None,
            scored_tokens: None,
        }
    }
}

/// How numbers are spread. Quantiles are numbers of the data (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many numbers.
    pub n: u64,
    /// Their sum.
    pub total: u64,
    /// The smallest.
    pub min: u32,
    /// Half are at most this.
    pub median: u32,
    /// Nine in ten are at most this.
    pub p90: u32,
    /// 99 in a hundred are at most this.
    pub p99: u32,
    /// The largest.
    pub max: u32,
}

impl Spread {
    /// The spread of some numbers, `None` of no numbers.
    pub fn of(mut numbers: Vec<u32>) -> Option<Self> {
        numbers.sort_unstable();
        let (&min, &max) = (numbers.first()?, numbers.last()?);
        let rank = |percent: usize| numbers[(numbers.len() * percent).div_ceil(100).max(1) - 1];
        let total = numbers.iter().map(|&number| u64::from(number)).sum();
        let (median, p90, p99) = (rank(50), rank(90), rank(99));
        Some(Self { n: numbers.len() as u64, total, min, median, p90, p99, max })
    }

    /// The sum over the count.
    pub fn mean(&self) -> f64 {
        self.total as f64 / self.n as f64
    }
}

/// Something that needs a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub check: CheckName,
    /// The source it is in; of `eval-overlap`, the source of the evaluation.
    pub source: String,
    /// The property of these rows, such as "control characters".
    pub what: String,
    /// How many rows have it.
    pub n_rows: u64,
    /// The number of rows in all.
    pub n_of: u64,
    /// The advice.
    pub advice: String,
    /// The first of these rows.
    pub examples: Vec<Shown>,
}

impl Finding {
    /// The share of rows, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.n_rows as f64 / self.n_of.max(1) as f64
    }
}

/// A row that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Which row it is.
    #[serde(flatten)]
    pub at: RowAt,
    /// The finding in the row. It may contain text of the row unchanged, control characters too.
    pub detail: String,
    /// The other row, where two rows are alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<RowAt>,
}

/// A row and how it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowAt {
    /// The source it is in.
    pub source: String,
    /// Its position in the pool (or in the evaluation), from 0.
    pub row: u64,
    /// Its name; `None` if it is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The first characters of its text; `None` if they are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A check that did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The check.
    pub check: CheckName,
    /// Why it did not run.
    pub reason: String,
    /// The flag of the command line that runs it; `None` if it was switched off.
    pub flag: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numbers_of_the_data() {
        let spread = Spread::of((1..=200).rev().collect()).unwrap();
        assert_eq!((spread.n, spread.total, spread.min, spread.max), (200, 20_100, 1, 200));
        assert_eq!((spread.median, spread.p90, spread.p99), (100, 180, 198));
        assert_eq!(spread.mean(), 100.5);
        assert_eq!(Spread::of(vec![7]).unwrap().p99, 7);
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
