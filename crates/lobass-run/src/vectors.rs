//! Shards of vectors that a model makes of sequences beside their losses.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, ListArray, UInt64Array};
use bytes::Bytes;

use crate::Error;
use crate::columns::{Reader, batch, to_bytes};
use crate::commit::ValueHash;

/// The vector of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowVector {
    pub(crate) row: u64,
    /// Not finite if the model said so.
    pub(crate) vector: Vec<f32>,
}

/// The bytes of a shard's file and the digest of its values.
pub(crate) fn serialize(vectors: &[RowVector], path: &Path) -> Result<(Vec<u8>, String), Error> {
    let rows: ArrayRef = Arc::new(vectors.iter().map(|vector| Some(vector.row)).collect::<UInt64Array>());
    let lists =
        vectors.iter().map(|vector| Some(vector.vector.iter().copied().map(Some).collect::<Vec<_>>()));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    Ok((to_bytes(&batch(vec![("row", false, rows), ("vector", false, lists)]), path)?, digest(vectors)))
}

/// Reads a shard's file; `path` is its name in errors.
pub(crate) fn read(bytes: Bytes, path: &Path) -> Result<Vec<RowVector>, Error> {
    let mut vectors = Vec::new();
    for columns in Reader::of(bytes, path)?.batches()? {
        let columns = columns?;
        let rows = columns.u64s("row")?.iter().copied();
        let lists = columns.f32_lists("vector")?.into_iter().map(Option::unwrap_or_default);
        vectors.extend(rows.zip(lists).map(|(row, vector)| RowVector { row, vector }));
    }
    Ok(vectors)
}

pub(crate) fn digest(vectors: &[RowVector]) -> String {
    let mut hash = ValueHash::default();
    for RowVector { row, vector } in vectors {
        hash.number(*row);
        hash.number(vector.len() as u64);
        hash.bytes(vector.iter().map(|value| value.to_le_bytes()));
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn vectors_survive_their_file(
            rows in prop::collection::vec((any::<u64>(), prop::collection::vec(-9.0f32..9.0, 3)), 0..20),
        ) {
            let vectors: Vec<_> = rows.into_iter().map(|(row, vector)| RowVector { row, vector }).collect();
            let path = Path::new("vectors.parquet");
            let (bytes, digest_before) = serialize(&vectors, path).unwrap();
            let read = read(bytes.into(), path).unwrap();
            prop_assert_eq!(digest(&read), digest_before);
            prop_assert_eq!(read, vectors);
        }
    }
}
