//! A comparison of pools of pairs that is opened.

use std::fmt;
use std::path::PathBuf;

use lobass_core::Budget;
use lobass_evidence::Bootstrap;
use lobass_evidence::pairs::{PairMatching, PairSubset};
use lobass_train::{Dpo, TrainConfig};

use super::super::files::TrialFiles;
use super::data::PairData;
use super::record::PairsDecided;
use super::subsets;
use super::wanted::Wanted;
use crate::model::Model;
use crate::settings::TrainSettings;

/// What is compared.
#[derive(Debug, Clone)]
pub(super) enum Compared {
    /// Shares of all pairs, and of the pairs of each source.
    Shares { shares: Vec<f64>, by_source: bool },
    /// Selections of this size.
    Selections { wanted: Vec<Wanted>, budget: Budget, folds: Option<u32> },
}

/// A comparison of pools or selections of pairs, opened. Trials are run one by one.
pub struct PairsComparison {
    pub(super) base: Model,
    pub(super) data: PairData,
    pub(super) compared: Compared,
    pub(super) train: TrainSettings,
    pub(super) recipe: TrainConfig,
    pub(super) dpo: Dpo,
    pub(super) n_seeds: u64,
    pub(super) matchings: Vec<PairMatching>,
    pub(super) bootstrap: Bootstrap,
    pub(super) decided: PairsDecided,
    pub(super) threads: usize,
    pub(super) files: TrialFiles,
    pub(super) out: PathBuf,
}

impl PairsComparison {
    /// The subsets that are trained on.
    pub(super) fn subsets(&self) -> Vec<PairSubset> {
        match &self.compared {
            Compared::Shares { shares, by_source } => subsets::shares(&self.data.train, shares, *by_source),
            Compared::Selections { wanted, .. } => {
                std::iter::once(subsets::everything()).chain(wanted.iter().map(Wanted::subset)).collect()
            }
        }
    }

    /// Every way to train: the subsets under each matching.
    pub(super) fn arms(&self) -> Vec<(PairSubset, PairMatching)> {
        let subsets = self.subsets();
        let of = |&matching: &PairMatching| subsets.iter().map(move |subset| (subset.clone(), matching));
        self.matchings.iter().flat_map(of).collect()
    }

    /// Whether rows of the pool or of held-out files could not be used.
    pub fn falls_short(&self) -> bool {
        self.data.train.n_left_out() + self.data.held_out.n_left_out() > 0
    }
}

impl fmt::Debug for PairsComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairsComparison")
            .field("out", &self.out)
            .field("compared", &self.compared)
            .field("n_seeds", &self.n_seeds)
            .field("matchings", &self.matchings)
            .finish_non_exhaustive()
    }
}
