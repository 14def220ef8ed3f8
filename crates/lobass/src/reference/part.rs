//! The rows of a pool that a reference is trained on.

use std::collections::BTreeSet;

use lobass_core::Sequence;
use lobass_run::{WorkDir, fold_of};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The rows of a pool that a reference is trained on. Rows with the same tokens stay together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// All rows.
    #[default]
    All,
    /// All rows except those of a fold.
    AllBut {
        /// The fold that is left out, from 0.
        fold: usize,
        /// The number of folds; at least 2.
        n_folds: usize,
        /// The seed of the folds.
        seed: u64,
    },
    /// A share of the rows.
    Share {
        /// The share, between 0 and 1.
        share: f64,
        /// The seed of the choice.
        seed: u64,
    },
}

/// The number of folds that make up a share: shares are exact to a ten-thousandth.
const GRAIN: usize = 10_000;

impl Part {
    /// The rows of a work directory that belong to the part.
    ///
    /// # Errors
    /// If token ids cannot be read.
    pub fn rows(&self, work: &WorkDir) -> Result<BTreeSet<u64>> {
        let sequences = work.sequences()?;
        Ok(sequences.iter().filter(|(_, sequence)| self.has(sequence)).map(|(row, _)| *row).collect())
    }

    /// Whether a sequence belongs to the part.
    pub fn has(&self, sequence: &Sequence) -> bool {
        match *self {
            Self::All => true,
            Self::AllBut { fold, n_folds, seed } => fold_of(sequence, n_folds, seed) != fold,
            Self::Share { share, seed } => (fold_of(sequence, GRAIN, seed) as f64) < share * GRAIN as f64,
        }
    }
}
