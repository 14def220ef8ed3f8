//! The pairs of files, with the status of every row.

use std::collections::BTreeMap;

use lobass_core::{ExampleKey, RowStatus, Sequence};
use lobass_data::{Encoder, Overlong, Pool, PoolRow, SAME_RESPONSE};
use lobass_text::prompt_hash;

use super::super::held_out::{sources, texts};
use super::status::PairStatus;
use crate::error::{Result, bail};

/// A pair of responses to one prompt.
#[derive(Debug, Clone)]
pub(super) struct PairRow {
    /// The position in its pool.
    pub(super) row: u64,
    pub(super) key: ExampleKey,
    /// The source, as a place in the names.
    pub(super) source: usize,
    /// A hash of the prompt, which ignores capitals, spaces, and the punctuation around words.
    pub(super) prompt: u128,
    /// The prompt and the chosen response.
    pub(super) texts: [String; 2],
    pub(super) status: PairStatus,
    pub(super) chosen: Sequence,
    pub(super) rejected: Sequence,
}

impl PairRow {
    pub(super) fn n_tokens(&self) -> usize {
        self.chosen.n_tokens() + self.rejected.n_tokens()
    }
}

/// The pairs of files that can be used, and the number of the others by source and status.
#[derive(Debug)]
pub(super) struct PairRows {
    pub(super) sources: Vec<String>,
    pub(super) rows: Vec<PairRow>,
    /// By source: rows that cannot be used.
    pub(super) left_out: Vec<BTreeMap<PairStatus, u64>>,
}

impl PairRows {
    /// Reads and encodes all rows.
    ///
    /// # Errors
    /// If a file cannot be read, or a row is too long and that is an error.
    pub(super) fn read(pool: &Pool, encoder: &Encoder) -> Result<Self> {
        let (sources, source_of) = sources(pool)?;
        let mut read = Self { left_out: vec![BTreeMap::new(); sources.len()], sources, rows: Vec::new() };
        for row in pool.rows() {
            let row = row?;
            let source = source_of[row.file];
            match pair(&row, source, encoder)? {
                Ok(pair) => read.rows.push(pair),
                Err(status) => *read.left_out[source].entry(status).or_default() += 1,
            }
        }
        Ok(read)
    }
}

/// A row as a pair, or why it is not one.
fn pair(row: &PoolRow, source: usize, encoder: &Encoder) -> Result<Result<PairRow, PairStatus>> {
    let example = match &row.example {
        Ok(example) => example,
        Err(fault) if fault.reason == SAME_RESPONSE => return Ok(Err(PairStatus::Identical)),
        Err(fault) => return Ok(Err(PairStatus::Unscored(fault.status))),
    };
    let Some(rejected) = example.rejected_example() else { return Ok(Err(PairStatus::Single)) };
    let chosen = lobass_data::Example { rejected: None, ..example.clone() };
    let mut sides = Vec::new();
    for (side, example) in [("chosen", &chosen), ("rejected", &rejected)] {
        let encoded = encoder.encode(example);
        if encoded.status == RowStatus::Overlong && encoder.options().overlong == Overlong::Error {
            let reason = encoded.reason.unwrap_or_default();
            bail!(Data, "row {} (`{}`), {side}: {reason}", row.row, row.key);
        }
        match encoded.sequence {
            Some(sequence) => sides.push((encoded.status == RowStatus::Truncated, sequence)),
            None => return Ok(Err(PairStatus::Unscored(encoded.status))),
        }
    }
    let (Some((rejected_is_cut, rejected)), Some((chosen_is_cut, chosen))) = (sides.pop(), sides.pop())
    else {
        bail!(Data, "row {}: expected two responses", row.row);
    };
    let status = match (chosen_is_cut, rejected_is_cut) {
        _ if chosen == rejected => PairStatus::Identical,
        (true, true) => PairStatus::CutBoth,
        (false, false) => PairStatus::Ok,
        _ => PairStatus::CutOneSide,
    };
    if !status.is_used() {
        return Ok(Err(status));
    }
    let texts = texts(example);
    // A prompt without words is like no other.
    let prompt = prompt_hash(&texts[0]).unwrap_or_else(|| row.row.into());
    let key = row.key.clone();
    Ok(Ok(PairRow { row: row.row, key, source, prompt, texts, status, chosen, rejected }))
}
