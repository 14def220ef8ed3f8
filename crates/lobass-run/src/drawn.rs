//! Shards of samples: what a model that draws writes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, StringArray, UInt64Array};
use bytes::Bytes;
use lobass_core::{Nll, Sample, SampleEnd, Sequence};

use crate::Error;
use crate::columns::{Reader, batch, to_bytes};
use crate::commit::ValueHash;

/// All samples of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSamples {
    /// The position of the row in the pool.
    pub row: u64,
    /// Its samples, by their number.
    pub samples: Vec<Sample>,
}

/// A prompt and a sample as one sequence, in which the sample is scored.
pub(crate) fn continued(prompt: &[u32], sample: &Sample) -> Sequence {
    let ids = [prompt, &sample.ids].concat();
    let scored: Vec<bool> = (0..ids.len()).map(|token| token >= prompt.len()).collect();
    Sequence::from_scored_tokens(ids, &scored).expect("a prompt has a token, which is not scored")
}

/// The word for the end of a sample in files.
pub(crate) fn end_word(end: SampleEnd) -> &'static str {
    match end {
        SampleEnd::Stop => "stop",
        SampleEnd::Limit => "limit",
        SampleEnd::NotFinite => "not-finite",
    }
}

pub(crate) fn end_of(word: &str) -> Result<SampleEnd, String> {
    let all = [SampleEnd::Stop, SampleEnd::Limit, SampleEnd::NotFinite];
    let found = all.into_iter().find(|&end| end_word(end) == word);
    found.ok_or_else(|| format!("expected stop, limit, or not-finite, found `{word}`"))
}

/// Lists of token ids as a column.
pub(crate) fn id_lists<'a>(lists: impl Iterator<Item = &'a [u32]>) -> ArrayRef {
    let lists = lists.map(|ids| Some(ids.iter().copied().map(Some).collect::<Vec<_>>()));
    Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(lists))
}

/// The bytes of a shard's file and the digest of its values.
pub(crate) fn serialize(rows: &[RowSamples], path: &Path) -> Result<(Vec<u8>, String), Error> {
    let each = || rows.iter().flat_map(|row| row.samples.iter().map(move |sample| (row.row, sample)));
    let numbers: ArrayRef = Arc::new(each().map(|(row, _)| Some(row)).collect::<UInt64Array>());
    let ends: ArrayRef =
        Arc::new(each().map(|(_, sample)| Some(end_word(sample.end))).collect::<StringArray>());
    let nlls: ArrayRef = Arc::new(each().map(|(_, sample)| Some(sample.nll.sum)).collect::<Float64Array>());
    let columns = vec![
        ("row", false, numbers),
        ("ids", false, id_lists(each().map(|(_, sample)| sample.ids.as_slice()))),
        ("end", false, ends),
        ("nll", false, nlls),
    ];
    Ok((to_bytes(&batch(columns), path)?, digest(rows)))
}

/// Reads a shard's file; `path` is its name in errors.
pub(crate) fn read(bytes: Bytes, path: &Path) -> Result<Vec<RowSamples>, Error> {
    let mut rows: Vec<RowSamples> = Vec::new();
    for columns in Reader::of(bytes, path)?.batches()? {
        let columns = columns?;
        let (numbers, ends, nlls) = (columns.u64s("row")?, columns.texts("end")?, columns.f64s("nll")?);
        for (at, ids) in columns.u32_lists("ids")?.into_iter().enumerate() {
            let end = end_of(ends[at].unwrap_or_default());
            let end = end.map_err(|reason| Error::Damaged { path: path.to_owned(), reason })?;
            let nll = Nll { sum: nlls[at].unwrap_or(f64::NAN), n_scored: ids.len() as u64 };
            let sample = Sample { ids, end, nll };
            match rows.last_mut().filter(|last| last.row == numbers[at]) {
                Some(last) => last.samples.push(sample),
                None => rows.push(RowSamples { row: numbers[at], samples: vec![sample] }),
            }
        }
    }
    Ok(rows)
}

pub(crate) fn digest(rows: &[RowSamples]) -> String {
    let mut hash = ValueHash::default();
    for RowSamples { row, samples } in rows {
        hash.number(*row);
        hash.number(samples.len() as u64);
        for Sample { ids, end, nll } in samples {
            hash.number(ids.len() as u64);
            hash.bytes(ids.iter().map(|id| id.to_le_bytes()));
            hash.text(end_word(*end));
            hash.number(nll.sum.to_bits());
        }
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_their_file() {
        let sample = |ids: &[u32], end, sum| Sample {
            ids: ids.to_vec(),
            end,
            nll: Nll { sum, n_scored: ids.len() as u64 },
        };
        let rows = [
            RowSamples {
                row: 3,
                samples: vec![
                    sample(&[4, 2], SampleEnd::Stop, 1.5),
                    sample(&[4, 9, 9], SampleEnd::Limit, 7.25),
                ],
            },
            RowSamples { row: 5, samples: vec![sample(&[], SampleEnd::NotFinite, 0.0)] },
        ];
        let path = Path::new("samples.parquet");
        let (bytes, digest_before) = serialize(&rows, path).unwrap();
        let found = read(bytes.into(), path).unwrap();
        assert_eq!(found, rows);
        assert_eq!(digest(&found), digest_before);
        assert_ne!(digest(&found[..1]), digest_before);
        assert_eq!(continued(&[1, 7], &rows[0].samples[0]).demonstration(), [4, 2]);
        assert!(end_of("over").unwrap_err().contains("`over`"));
    }
}
