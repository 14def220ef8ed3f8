//! The parts of the study, in the order in which they are done.

mod claims;
mod exploration;
mod family;
mod robustness;
mod size;
mod variants;

use std::ops::Range;

use super::groups::{Group, N_REPLICATES};

pub(super) use family::{NAME as FAMILY, TIMES_LARGER};
pub(super) use size::{N_ROWS as N_LARGE, NAME as LARGE};
pub(super) use variants::GROUPS as VARIANTS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Part {
    /// What the claims need, for all replicates
    Claims,
    /// Other settings of training and of the reference
    Robustness,
    /// A model of another family
    Family,
    /// Variants of the method, on the first half of the replicates
    Variants,
    /// The best variant, on the other half
    Best,
    /// Other strategies and budgets
    Exploration,
    /// One pool of all rows of Alpaca
    Size,
}

impl Part {
    pub(super) const ALL: [Self; 7] = [
        Self::Claims,
        Self::Robustness,
        Self::Family,
        Self::Variants,
        Self::Best,
        Self::Exploration,
        Self::Size,
    ];

    /// The replicates that it is done for. Its one pool counts as the first.
    pub(super) fn replicates(self) -> Range<usize> {
        match self {
            Self::Claims => 0..N_REPLICATES,
            Self::Robustness | Self::Family => 0..2,
            Self::Variants => 0..N_REPLICATES / 2,
            Self::Best => N_REPLICATES / 2..N_REPLICATES,
            Self::Exploration => 0..3,
            Self::Size => 0..1,
        }
    }

    /// Its comparisons; the best variant is one of those of [`VARIANTS`].
    pub(super) fn groups(self) -> &'static [Group] {
        match self {
            Self::Claims => &claims::GROUPS,
            Self::Robustness => &robustness::GROUPS,
            Self::Family => &family::GROUPS,
            Self::Variants | Self::Best => &VARIANTS,
            Self::Exploration => &exploration::GROUPS,
            Self::Size => &size::GROUPS,
        }
    }

    /// The folder of a replicate of this part.
    pub(super) fn folder(self, replicate: usize) -> String {
        match self {
            Self::Size => LARGE.to_owned(),
            Self::Family => format!("{FAMILY}-{replicate}"),
            _ => replicate.to_string(),
        }
    }

    /// Whether a replicate has further references, so that scores of several are compared.
    pub(super) fn has_further_references(self, replicate: usize) -> bool {
        let is_of_claims = !matches!(self, Self::Size | Self::Family);
        is_of_claims && Self::Robustness.replicates().contains(&replicate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_comparisons_of_a_replicate_share_a_folder() {
        let mut names: Vec<&str> = Part::ALL
            .into_iter()
            .filter(|&part| !matches!(part, Part::Best | Part::Size | Part::Family))
            .flat_map(Part::groups)
            .map(|group| group.name)
            .collect();
        names.sort_unstable();
        let n = names.len();
        names.dedup();
        assert_eq!(names.len(), n);
        assert_eq!(VARIANTS.len(), 8, "the design allows eight");
    }

    #[test]
    fn the_base_without_training_is_measured_once() {
        let groups = Part::Claims.groups();
        let n_trials = |replicate| groups.iter().map(|group| group.trials(replicate).len()).sum::<usize>();
        assert_eq!((n_trials(0), n_trials(1)), (19, 18));
        assert!(groups[0].trials(0).contains(&"zero-shot.json".to_owned()));
    }
}
