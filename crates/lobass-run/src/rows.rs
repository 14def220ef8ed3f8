//! Shards of encoded rows: what the stage `rows` writes and every model reads.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, ListArray, StringArray, UInt32Array, UInt64Array};
use lobass_core::{ExampleKey, RowStatus, Sequence};

use crate::Error;
use crate::columns::{Reader, batch, to_bytes};
use crate::commit::ValueHash;

/// One row after encoding.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EncodedRow {
    pub(crate) row: u64,
    pub(crate) key: ExampleKey,
    pub(crate) status: RowStatus,
    pub(crate) reason: Option<String>,
    pub(crate) source: String,
    pub(crate) n_tokens: u32,
    /// Only for statuses that are scored.
    pub(crate) sequence: Option<Sequence>,
}

/// The bytes of a shard's file and the digest of its values.
pub(crate) fn serialize(rows: &[EncodedRow], path: &Path) -> Result<(Vec<u8>, String), Error> {
    let numbers = |value: fn(&EncodedRow) -> u32| -> ArrayRef {
        Arc::new(rows.iter().map(value).map(Some).collect::<UInt32Array>())
    };
    let lists = |value: &dyn Fn(&Sequence) -> Vec<u32>| -> ArrayRef {
        let values = rows.iter().map(|row| {
            let list = row.sequence.as_ref().map(value).unwrap_or_default();
            Some(list.into_iter().map(Some).collect::<Vec<_>>())
        });
        Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(values))
    };
    let texts = |value: &dyn Fn(&EncodedRow) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<StringArray>())
    };
    let columns = vec![
        ("row", false, Arc::new(rows.iter().map(|row| Some(row.row)).collect::<UInt64Array>()) as ArrayRef),
        ("key", false, texts(&|row| Some(row.key.to_string()))),
        ("status", false, texts(&|row| Some(row.status.to_string()))),
        ("reason", true, texts(&|row| row.reason.clone())),
        ("source", false, texts(&|row| Some(row.source.clone()))),
        ("n_tokens", false, numbers(|row| row.n_tokens)),
        ("input_ids", false, lists(&|sequence| sequence.input_ids().to_vec())),
        ("scored_runs", false, lists(&scored_runs)),
    ];
    Ok((to_bytes(&batch(columns), path)?, digest(rows)))
}

/// Reads a shard's file.
pub(crate) fn read(path: &Path) -> Result<Vec<EncodedRow>, Error> {
    let mut rows = Vec::new();
    for columns in Reader::open(path)?.batches()? {
        let columns = columns?;
        let (keys, statuses) = (columns.texts("key")?, columns.texts("status")?);
        let (reasons, sources) = (columns.texts("reason")?, columns.texts("source")?);
        let (ids, runs) = (columns.u32_lists("input_ids")?, columns.u32_lists("scored_runs")?);
        let (numbers, n_tokens) = (columns.u64s("row")?, columns.u32s("n_tokens")?);
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        for (at, (ids, runs)) in ids.into_iter().zip(runs).enumerate() {
            let status: RowStatus = statuses[at].unwrap_or_default().parse().map_err(damaged)?;
            let sequence = if status.is_scored() {
                Some(sequence(ids, &runs).map_err(|e| damaged(format!("row {}: {e}", numbers[at])))?)
            } else {
                None
            };
            rows.push(EncodedRow {
                row: numbers[at],
                key: ExampleKey::new(keys[at].unwrap_or_default()),
                status,
                reason: reasons[at].map(str::to_owned),
                source: sources[at].unwrap_or_default().to_owned(),
                n_tokens: n_tokens[at],
                sequence,
            });
        }
    }
    Ok(rows)
}

/// Half-open runs of scored tokens, flattened: `[start, end, start, end, ..]`.
fn scored_runs(sequence: &Sequence) -> Vec<u32> {
    let mut runs: Vec<u32> = Vec::new();
    for position in sequence.scored_positions() {
        let token = u32::try_from(position + 1).expect("sequences are far shorter than 2^32");
        match runs.last_mut() {
            Some(end) if *end == token => *end += 1,
            _ => runs.extend([token, token + 1]),
        }
    }
    runs
}

fn sequence(ids: Vec<u32>, runs: &[u32]) -> Result<Sequence, String> {
    let mut scored = vec![false; ids.len()];
    for run in runs.chunks(2) {
        let &[start, end] = run else { return Err("scored runs come in pairs".to_owned()) };
        scored.get_mut(start as usize..end as usize).ok_or("a scored run ends after the row")?.fill(true);
    }
    Sequence::from_scored_tokens(ids, &scored).map_err(|error| error.to_string())
}

pub(crate) fn digest(rows: &[EncodedRow]) -> String {
    let mut hash = ValueHash::default();
    for row in rows {
        hash.number(row.row);
        hash.text(row.key.as_str());
        hash.text(row.status.as_str());
        hash.text(row.reason.as_deref().unwrap_or_default());
        hash.text(&row.source);
        hash.number(row.n_tokens.into());
        if let Some(sequence) = &row.sequence {
            let runs = scored_runs(sequence);
            hash.number(sequence.n_tokens() as u64);
            hash.number(runs.len() as u64);
            hash.bytes(sequence.input_ids().iter().chain(&runs).map(|value| value.to_le_bytes()));
        }
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = EncodedRow> {
        let tokens = prop::collection::vec((any::<u32>(), any::<bool>()), 2..30);
        (any::<u64>(), ".*", prop::option::of(".*"), tokens).prop_map(|(row, key, reason, tokens)| {
            let (ids, mut scored): (Vec<u32>, Vec<bool>) = tokens.into_iter().unzip();
            scored[0] = false;
            let status = if scored.contains(&true) { RowStatus::Ok } else { RowStatus::EmptyResponse };
            EncodedRow {
                row,
                key: ExampleKey::new(key),
                status,
                reason,
                source: "s".to_owned(),
                n_tokens: u32::try_from(ids.len()).unwrap(),
                sequence: status.is_scored().then(|| Sequence::from_scored_tokens(ids, &scored).unwrap()),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_survive_their_file(rows in prop::collection::vec(any_row(), 1..20)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("rows.parquet");
            let (bytes, digest_before) = serialize(&rows, &path).unwrap();
            fs_err::write(&path, bytes).unwrap();
            let read = read(&path).unwrap();
            prop_assert_eq!(digest(&read), digest_before);
            prop_assert_eq!(read, rows);
        }
    }
}
