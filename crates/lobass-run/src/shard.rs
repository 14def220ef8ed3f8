//! How a pool is cut.

use serde::{Deserialize, Serialize};

/// Rows per shard that a small pool is cut to, so that little is lost when a run is killed.
const SHARD_ROWS: u64 = 256;
/// More shards than this cost more in files than they save.
const MAX_SHARDS: u64 = 4096;
/// Text of one shard that is held in memory: 4 M tokens or so.
const SHARD_BYTES: u64 = 16 << 20;

/// A run of consecutive rows: the unit of work and of resuming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number.
    pub id: u32,
    /// Its first row, counted over the pool.
    pub first_row: u64,
    /// How many rows it has.
    pub n_rows: u64,
}

/// Cuts rows of given sizes into shards of about equal size.
pub(crate) fn cut(sizes: &[u64]) -> Vec<Shard> {
    let n_rows = sizes.len() as u64;
    let n_bytes: u64 = sizes.iter().sum();
    let count = n_rows.div_ceil(SHARD_ROWS).clamp(1, MAX_SHARDS).max(n_bytes.div_ceil(SHARD_BYTES));
    let target = n_bytes.div_ceil(count).max(1);
    let mut shards: Vec<Shard> = Vec::new();
    let mut filled = 0;
    for (&size, row) in sizes.iter().zip(0..) {
        match shards.last_mut() {
            Some(last) if filled < target => {
                last.n_rows += 1;
                filled += size;
            }
            _ => {
                let id = u32::try_from(shards.len()).expect("far fewer shards than 2^32");
                shards.push(Shard { id, first_row: row, n_rows: 1 });
                filled = size;
            }
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shards_cover_every_row_once(sizes in prop::collection::vec(0u64..5000, 0..3000)) {
            let shards = cut(&sizes);
            let mut next = 0;
            for (shard, id) in shards.iter().zip(0..) {
                prop_assert_eq!((shard.id, shard.first_row), (id, next));
                prop_assert!(shard.n_rows > 0);
                next += shard.n_rows;
            }
            prop_assert_eq!(next, sizes.len() as u64);
            prop_assert!(shards.len() <= sizes.len().div_ceil(256) + 1);
        }
    }

    #[test]
    fn a_large_pool_is_cut_by_its_text() {
        let shards = cut(&vec![1 << 20; 100]);
        assert!((6..=7).contains(&shards.len()), "{}", shards.len());
    }
}
