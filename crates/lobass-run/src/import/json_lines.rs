//! Losses as JSON lines: sums, or log-probabilities of tokens.

use std::io::BufRead;
use std::path::Path;

use lobass_core::{ExampleKey, ModelRole};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::entry::{Entries, Entry, Losses, Name, Side, Sum};
use super::fault;
use crate::Error;

/// The fields of a line that say which row it is about, and its sums. Log-probabilities are only looked for here.
#[derive(Debug, Deserialize)]
struct Line {
    row: Option<u64>,
    key: Option<ExampleKey>,
    #[serde(default)]
    side: Side,
    #[serde(default)]
    nll: Field,
    #[serde(default)]
    base_nll: Field,
    #[serde(default)]
    reference_nll: Field,
    rejected_nll: Option<f64>,
    base_rejected_nll: Option<f64>,
    reference_rejected_nll: Option<f64>,
    n_tokens: Option<u32>,
    n_scored: Option<u32>,
    rejected_n_scored: Option<u32>,
    prompt_logprobs: Option<IgnoredAny>,
    choices: Option<IgnoredAny>,
    logprobs: Option<IgnoredAny>,
}

/// A summed loss, or why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Field {
    #[default]
    Absent,
    Null,
    Value(f64),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(value)?.map_or(Self::Null, Self::Value))
    }
}

impl Field {
    fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

/// Reads which rows a file is about, with the sums under one model.
///
/// # Errors
/// If a line is no JSON object, names no row, or says nothing of its losses; if a row is there twice.
pub(super) fn read(mut lines: impl BufRead, path: &Path, role: &ModelRole) -> Result<Entries, Error> {
    let mut entries = Entries::default();
    let (mut offset, mut number, mut text) = (0u64, 0u64, Vec::new());
    loop {
        text.clear();
        let length = lines.read_until(b'\n', &mut text)?;
        if length == 0 {
            return Ok(entries);
        }
        number += 1;
        if !text.iter().all(u8::is_ascii_whitespace) {
            let wrong = |reason: String| fault::of_entry(path, "line", number, reason);
            let line: Line = serde_json::from_slice(&text).map_err(|error| wrong(not_json(&text, &error)))?;
            let side = line.side;
            entries.has_reference |= line.reference_nll.value().is_some();
            if let Some((name, entry)) = line.entry(role, number, offset, length).map_err(wrong)? {
                let shown = shown(&name, side);
                entries
                    .add(name, side, entry)
                    .map_err(|other| wrong(format!("{shown} is there twice, first in line {other}")))?;
            }
        }
        offset += length as u64;
    }
}

/// A row as errors name it.
pub(super) fn shown(name: &Name, side: Side) -> String {
    let row = match name {
        Name::Row(row) => format!("row {row}"),
        Name::Key(key) => format!("key `{key}`"),
    };
    match side {
        Side::Chosen => row,
        Side::Rejected => format!("{row} (rejected)"),
    }
}

/// Why a line cannot be read. Python writes numbers that JSON does not have.
pub(super) fn not_json(text: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(text);
    let no_number = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| text.contains(*word));
    match no_number.filter(|_| error.is_syntax()) {
        Some(word) => format!(
            "expected finite numbers, found `{word}`; leave a row out that has no finite loss, or write -9999.0 for a \
             log-probability of minus infinity, as vLLM's server does"
        ),
        None => error.to_string(),
    }
}

impl Line {
    /// The row and its losses; nothing if the program had no loss of the row.
    fn entry(
        self,
        role: &ModelRole,
        number: u64,
        offset: u64,
        length: usize,
    ) -> Result<Option<(Name, Entry)>, String> {
        let name = match (self.row, &self.key) {
            (Some(row), _) => Name::Row(row),
            (None, Some(key)) => Name::Key(key.clone()),
            (None, None) => return Err("expected `row` or `key`, found neither".to_owned()),
        };
        let has_tokens = self.prompt_logprobs.is_some() || self.choices.is_some() || self.logprobs.is_some();
        let sums = self.sums(role)?;
        let is_null = [self.nll, self.base_nll, self.reference_nll].contains(&Field::Null);
        let losses = match (has_tokens, sums) {
            (true, Some(_)) => {
                return Err("expected a summed loss or log-probabilities, found both".to_owned());
            }
            (true, None) => Losses::Line { offset, length },
            (false, Some(sums)) => sums,
            (false, None) if self.n_scored.is_some() || is_null => return Ok(None),
            (false, None) => {
                return Err(format!(
                    "expected `{role}_nll` or `nll`, or `prompt_logprobs`, or `input_ids` with `logprobs`, found none"
                ));
            }
        };
        let key = self.key.filter(|_| self.row.is_some());
        Ok(Some((name, Entry { number, key, n_tokens: self.n_tokens, losses })))
    }

    /// The sums under one model: in columns of its name, or in columns without a name.
    fn sums(&self, role: &ModelRole) -> Result<Option<Losses>, String> {
        let (named, rejected) = match role {
            ModelRole::Base => (self.base_nll, self.base_rejected_nll),
            _ => (self.reference_nll, self.reference_rejected_nll),
        };
        let Some(nll) = named.value().or(self.nll.value()) else { return Ok(None) };
        let Some(n_scored) = self.n_scored else {
            return Err("expected `n_scored`, the number of tokens that the loss is summed over, found none"
                .to_owned());
        };
        let rejected = match (rejected.or(self.rejected_nll), self.rejected_n_scored) {
            (Some(nll), Some(n_scored)) => Some(Sum { nll, n_scored }),
            (Some(_), None) => return Err("expected `rejected_n_scored`, found none".to_owned()),
            (None, _) => None,
        };
        Ok(Some(Losses::Sums { chosen: Sum { nll, n_scored }, rejected }))
    }
}
