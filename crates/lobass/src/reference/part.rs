//! Which rows of a pool a reference is trained on.

use std::collections::BTreeSet;

use lobass_core::Sequence;
use lobass_run::{WorkDir, fold_of};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Which rows of a pool a reference is trained on. Rows of the same tokens are never parted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// All of them.
    #[default]
    All,
    /// All but those of a fold.
    AllBut { fold: usize, n_folds: usize, seed: u64 },
    /// A share that is set aside for it.
    Share { share: f64, seed: u64 },
}

/// Parts that a pool is cut into for a share: shares are exact to a ten-thousandth.
const GRAIN: usize = 10_000;

impl Part {
    /// The rows of a work directory that are in it.
    pub fn rows(&self, work: &WorkDir) -> Result<BTreeSet<u64>> {
        let sequences = work.sequences()?;
        Ok(sequences.iter().filter(|(_, sequence)| self.has(sequence)).map(|(row, _)| *row).collect())
    }

    pub fn has(&self, sequence: &Sequence) -> bool {
        match *self {
            Self::All => true,
            Self::AllBut { fold, n_folds, seed } => fold_of(sequence, n_folds, seed) != fold,
            Self::Share { share, seed } => (fold_of(sequence, GRAIN, seed) as f64) < share * GRAIN as f64,
        }
    }
}
