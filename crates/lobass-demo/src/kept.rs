//! What selections kept of the pool, by kind of row.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use serde::Deserialize;

use crate::pool::{Kind, PoolRow};

/// The rows that a selection kept of the shipped pool.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The rows, best first.
    pub rows: Vec<usize>,
    /// The number of rows of each kind.
    pub by_kind: BTreeMap<Kind, u64>,
}

impl Kept {
    /// Reads the list of a selection: JSON lines with `row`. `kinds` is the kind of each row of the pool.
    ///
    /// # Errors
    /// If the list cannot be read, or names a row that the pool does not have.
    pub fn read(index: &Path, kinds: &[Kind]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Chosen {
            row: usize,
        }
        let text = fs_err::read_to_string(index)?;
        let rows: Vec<usize> =
            text.lines().map(|line| Ok(serde_json::from_str::<Chosen>(line)?.row)).collect::<Result<_>>()?;
        let mut by_kind = BTreeMap::new();
        for row in &rows {
            let kind = kinds.get(*row).ok_or_else(|| {
                let text = format!("`{}`: expected a row of the pool, found row {row}", index.display());
                Error::new(ErrorKind::InvalidData, text)
            })?;
            *by_kind.entry(*kind).or_default() += 1;
        }
        Ok(Self { rows, by_kind })
    }
}

/// The kind of every row of an unpacked pool.
///
/// # Errors
/// If the file cannot be read.
pub fn kinds_of(pool: &Path) -> Result<Vec<Kind>> {
    let text = fs_err::read_to_string(pool)?;
    text.lines().map(|line| Ok(serde_json::from_str::<PoolRow>(line)?.kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_their_kind() {
        let dir = tempfile::tempdir().unwrap();
        let [pool, index] = ["pool.jsonl", "index.jsonl"].map(|name| dir.path().join(name));
        fs_err::write(&pool, crate::as_json_lines(&crate::pool()[..3])).unwrap();
        let kinds = kinds_of(&pool).unwrap();
        assert_eq!(kinds, crate::pool()[..3].iter().map(|row| row.kind).collect::<Vec<_>>());
        fs_err::write(&index, "{\"row\": 2, \"score\": 1.0}\n{\"row\": 0}\n").unwrap();
        let kept = Kept::read(&index, &kinds).unwrap();
        assert_eq!(kept.rows, [2, 0]);
        assert_eq!(kept.by_kind.values().sum::<u64>(), 2);
        assert!(kept.by_kind.contains_key(&kinds[2]));
        fs_err::write(&index, "{\"row\": 3}\n").unwrap();
        assert!(Kept::read(&index, &kinds).unwrap_err().to_string().contains("found row 3"));
    }
}
