//! One of several processes that divide the shards of a stage.

use crate::Shard;

/// The shards that one process of several does: every `of`-th, from `rank` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The number of this process, from 0.
    pub rank: u32,
    /// The number of processes.
    pub of: u32,
}

impl Part {
    /// All shards.
    pub const ALL: Self = Self { rank: 0, of: 1 };

    /// Whether this process does a shard.
    pub(crate) fn has(self, shard: Shard) -> bool {
        shard.id % self.of == self.rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_in_one_part() {
        for of in 1..5 {
            for id in 0..12 {
                let shard = Shard { id, first_row: 0, n_rows: 1 };
                let parts = (0..of).filter(|&rank| Part { rank, of }.has(shard)).count();
                assert_eq!(parts, 1, "shard {id} of {of} parts");
            }
        }
        assert!((0..12).all(|id| Part::ALL.has(Shard { id, first_row: 0, n_rows: 1 })));
    }
}
