//! Shards of encoded rows: what the stage `rows` writes and every model reads.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, ListArray, StringArray, UInt32Array, UInt64Array};
use bytes::Bytes;
use lobass_core::{ExampleKey, RowStatus, Sequence};
use lobass_data::Unread;

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
    /// Only for statuses that are scored; of a pair the chosen side.
    pub(crate) sequence: Option<Sequence>,
    /// The other side of a pair that is scored.
    pub(crate) rejected: Option<Sequence>,
    /// Content that no model sees; empty for statuses that are not scored.
    pub(crate) unread: Vec<Unread>,
}

/// The bytes of a shard's file and the digest of its values.
pub(crate) fn serialize(rows: &[EncodedRow], path: &Path) -> Result<(Vec<u8>, String), Error> {
    let numbers = |value: fn(&EncodedRow) -> u32| -> ArrayRef {
        Arc::new(rows.iter().map(value).map(Some).collect::<UInt32Array>())
    };
    let texts = |value: &dyn Fn(&EncodedRow) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<StringArray>())
    };
    let mut columns = vec![
        ("row", false, Arc::new(rows.iter().map(|row| Some(row.row)).collect::<UInt64Array>()) as ArrayRef),
        ("key", false, texts(&|row| Some(row.key.to_string()))),
        ("status", false, texts(&|row| Some(row.status.to_string()))),
        ("reason", true, texts(&|row| row.reason.clone())),
        ("source", false, texts(&|row| Some(row.source.clone()))),
        ("n_tokens", false, numbers(|row| row.n_tokens)),
        ("input_ids", false, lists(rows, |row| row.sequence.as_ref(), ids)),
        ("scored_runs", false, lists(rows, |row| row.sequence.as_ref(), scored_runs)),
    ];
    if rows.iter().any(|row| row.rejected.is_some()) {
        columns.push(("rejected_ids", false, lists(rows, |row| row.rejected.as_ref(), ids)));
        columns.push(("rejected_runs", false, lists(rows, |row| row.rejected.as_ref(), scored_runs)));
    }
    if rows.iter().any(|row| !row.unread.is_empty()) {
        columns.push(("unread", true, texts(&|row| (!row.unread.is_empty()).then(|| to_text(&row.unread)))));
    }
    Ok((to_bytes(&batch(columns), path)?, digest(rows)))
}

/// A list per row, empty where there is no sequence.
fn lists(
    rows: &[EncodedRow],
    side: fn(&EncodedRow) -> Option<&Sequence>,
    value: fn(&Sequence) -> Vec<u32>,
) -> ArrayRef {
    let values = rows.iter().map(|row| {
        let list = side(row).map(value).unwrap_or_default();
        Some(list.into_iter().map(Some).collect::<Vec<_>>())
    });
    Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(values))
}

/// A list of what is not read, as JSON.
fn to_text(unread: &[Unread]) -> String {
    serde_json::to_string(unread).expect("names are plain data")
}

fn ids(sequence: &Sequence) -> Vec<u32> {
    sequence.input_ids().to_vec()
}

/// Reads a shard's file; `path` is its name in errors.
pub(crate) fn read(bytes: Bytes, path: &Path) -> Result<Vec<EncodedRow>, Error> {
    let mut rows = Vec::new();
    for columns in Reader::of(bytes, path)?.batches()? {
        let columns = columns?;
        let (keys, statuses) = (columns.texts("key")?, columns.texts("status")?);
        let (reasons, sources) = (columns.texts("reason")?, columns.texts("source")?);
        let chosen = [columns.u32_lists("input_ids")?, columns.u32_lists("scored_runs")?];
        let rejected = if columns.has("rejected_ids") {
            [columns.u32_lists("rejected_ids")?, columns.u32_lists("rejected_runs")?]
        } else {
            let none = vec![Vec::new(); columns.n_rows()];
            [none.clone(), none]
        };
        let unread =
            if columns.has("unread") { columns.texts("unread")? } else { vec![None; columns.n_rows()] };
        let (numbers, n_tokens) = (columns.u64s("row")?, columns.u32s("n_tokens")?);
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        for at in 0..columns.n_rows() {
            let status: RowStatus = statuses[at].unwrap_or_default().parse().map_err(damaged)?;
            let sequence = |[ids, runs]: &[Vec<Vec<u32>>; 2]| {
                sequence(ids[at].clone(), &runs[at]).map_err(|e| damaged(format!("row {}: {e}", numbers[at])))
            };
            let is_pair = status.is_scored() && !rejected[0][at].is_empty();
            rows.push(EncodedRow {
                row: numbers[at],
                key: ExampleKey::new(keys[at].unwrap_or_default()),
                status,
                reason: reasons[at].map(str::to_owned),
                source: sources[at].unwrap_or_default().to_owned(),
                n_tokens: n_tokens[at],
                sequence: status.is_scored().then(|| sequence(&chosen)).transpose()?,
                rejected: is_pair.then(|| sequence(&rejected)).transpose()?,
                unread: unread[at].map_or(Ok(Vec::new()), |json| {
                    serde_json::from_str(json).map_err(|e| damaged(format!("row {}: {e}", numbers[at])))
                })?,
            });
        }
    }
    Ok(rows)
}

/// Half-open runs of scored tokens, flattened: `[start, end, start, end, ..]`.
pub(crate) fn scored_runs(sequence: &Sequence) -> Vec<u32> {
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

pub(crate) fn sequence(ids: Vec<u32>, runs: &[u32]) -> Result<Sequence, String> {
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
            hash_sequence(&mut hash, sequence);
        }
        if let Some(rejected) = &row.rejected {
            hash.text("rejected");
            hash_sequence(&mut hash, rejected);
        }
        if !row.unread.is_empty() {
            hash.text("unread");
            hash.text(&to_text(&row.unread));
        }
    }
    hash.hex()
}

fn hash_sequence(hash: &mut ValueHash, sequence: &Sequence) {
    let runs = scored_runs(sequence);
    hash.number(sequence.n_tokens() as u64);
    hash.number(runs.len() as u64);
    hash.bytes(sequence.input_ids().iter().chain(&runs).map(|value| value.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use lobass_data::UnreadKind;
    use proptest::prelude::*;

    use super::*;

    fn any_sequence() -> impl Strategy<Value = Sequence> {
        prop::collection::vec((any::<u32>(), any::<bool>()), 2..30).prop_map(|tokens| {
            let (ids, mut scored): (Vec<u32>, Vec<bool>) = tokens.into_iter().unzip();
            scored[0] = false;
            Sequence::from_scored_tokens(ids, &scored).unwrap()
        })
    }

    fn any_row() -> impl Strategy<Value = EncodedRow> {
        let sides = (any_sequence(), prop::option::of(any_sequence()));
        let texts = (".*", prop::option::of(".*"), prop::collection::vec(".*", 0..3));
        (any::<u64>(), texts, sides).prop_map(|(row, (key, reason, unread), (sequence, rejected))| {
            let status = if sequence.n_scored() > 0 { RowStatus::Ok } else { RowStatus::EmptyResponse };
            EncodedRow {
                row,
                key: ExampleKey::new(key),
                status,
                reason,
                source: "s".to_owned(),
                n_tokens: u32::try_from(sequence.n_tokens()).unwrap(),
                sequence: status.is_scored().then_some(sequence),
                rejected: rejected.filter(|_| status.is_scored()),
                unread: unread.into_iter().map(|name| Unread::new(UnreadKind::Column, name)).collect(),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_survive_their_file(rows in prop::collection::vec(any_row(), 1..20)) {
            let path = Path::new("rows.parquet");
            let (bytes, digest_before) = serialize(&rows, path).unwrap();
            let read = read(bytes.into(), path).unwrap();
            prop_assert_eq!(digest(&read), digest_before);
            prop_assert_eq!(read, rows);
        }
    }

    #[test]
    fn both_sides_are_in_the_digest() {
        let sequence = |id| Some(Sequence::from_scored_tokens(vec![1, id], &[false, true]).unwrap());
        let row = |chosen, rejected| EncodedRow {
            row: 0,
            key: ExampleKey::new("k"),
            status: RowStatus::Ok,
            reason: None,
            source: "s".to_owned(),
            n_tokens: 2,
            sequence: sequence(chosen),
            rejected,
            unread: Vec::new(),
        };
        let digests = [row(2, None), row(2, sequence(3)), row(2, sequence(4)), row(3, sequence(2))];
        let digests: std::collections::BTreeSet<_> = digests.into_iter().map(|row| digest(&[row])).collect();
        assert_eq!(digests.len(), 4);
    }
}
