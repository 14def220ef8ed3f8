//! The hashes of keys that order rows with equal scores: those of all rows, of a few, or of none yet.

/// The hashes of rows' keys, as far as they have been read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hashes<'a> {
    /// One for each row of the pool.
    All(&'a [u64]),
    /// Those of the rows whose order they decide.
    Few(&'a FewHashes),
    /// No hash was read. Rows with equal scores are in the order of the pool, and such an order is never a result.
    Unread,
}

/// The hashes of a few rows.
#[derive(Debug, Default)]
pub(crate) struct FewHashes {
    /// Ascending by the row.
    of_rows: Vec<(u32, u64)>,
}

impl FewHashes {
    /// - `rows`: ascending
    pub(crate) fn new(rows: Vec<u32>, hashes: Vec<u64>) -> Self {
        Self { of_rows: rows.into_iter().zip(hashes).collect() }
    }
}

impl<'a> Hashes<'a> {
    /// The upper half of a row's hash if it is cheap to find, or 0 for every row.
    #[inline]
    pub(crate) fn upper_half(self, row: usize) -> u32 {
        match self {
            Self::All(hashes) => u32::try_from(hashes[row] >> 32).expect("half of it"),
            Self::Few(_) | Self::Unread => 0,
        }
    }

    /// A row's hash; 0 for one whose hash was not read.
    pub(crate) fn of(self, row: u32) -> u64 {
        match self {
            Self::All(hashes) => hashes[row as usize],
            Self::Few(few) => {
                let at = few.of_rows.binary_search_by_key(&row, |(row, _)| *row);
                at.map_or(0, |at| few.of_rows[at].1)
            }
            Self::Unread => 0,
        }
    }

    /// The hash of every row; empty if they were not all read.
    pub(crate) fn all(self) -> &'a [u64] {
        match self {
            Self::All(hashes) => hashes,
            Self::Few(_) | Self::Unread => &[],
        }
    }
}

/// Those of a score table, if they were read with it.
impl<'a> From<&'a lobass_core::ScoreColumns> for Hashes<'a> {
    fn from(columns: &'a lobass_core::ScoreColumns) -> Self {
        if columns.ties.len() == columns.len() { Self::All(&columns.ties) } else { Self::Unread }
    }
}
