//! The baselines of arms.

use super::report::{PairArmReport, PairReport};
use super::subset::{MIXED, PairSubset};

/// What every arm of a table is compared with.
pub(super) enum Against {
    /// One arm.
    Arm(String),
    /// The largest share of the same pool.
    LargestShare,
    /// The same share of all sources together.
    Mixture,
}

impl Against {
    /// The columns of a report.
    pub(super) fn of(report: &PairReport) -> Vec<Self> {
        if report.budget.is_some() {
            return baselines(report).into_iter().map(Self::Arm).collect();
        }
        let is_by_source =
            |arm: &PairArmReport| matches!(&arm.subset, PairSubset::Share { pool, .. } if pool != MIXED);
        let mixture = report.arms.iter().any(is_by_source).then_some(Self::Mixture);
        std::iter::once(Self::LargestShare).chain(mixture).collect()
    }

    pub(super) fn heading(&self) -> String {
        match self {
            Self::Arm(name) => format!("against {name}"),
            Self::LargestShare => "against the largest share".to_owned(),
            Self::Mixture => "against the mixture".to_owned(),
        }
    }

    /// The name of the baseline of an arm.
    pub(super) fn baseline(&self, report: &PairReport, arm: &PairArmReport) -> Option<String> {
        match (self, &arm.subset) {
            (Self::Arm(name), _) => Some(name.clone()),
            (Self::LargestShare, PairSubset::Share { pool, .. }) => largest(report, pool),
            (Self::Mixture, PairSubset::Share { share, .. }) => {
                Some(PairSubset::Share { pool: MIXED.to_owned(), share: *share }.to_string())
            }
            _ => None,
        }
    }
}

/// The names of all baselines, in the order of the differences.
pub(super) fn baselines(report: &PairReport) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for difference in &report.differences {
        if !names.contains(&difference.baseline) {
            names.push(difference.baseline.clone());
        }
    }
    names
}

/// The arm with the largest share of a pool.
fn largest(report: &PairReport, pool: &str) -> Option<String> {
    let shares = report.arms.iter().filter_map(|arm| match &arm.subset {
        PairSubset::Share { pool: found, share } if found == pool => Some((share, arm.name.clone())),
        _ => None,
    });
    shares.max_by(|one, other| one.0.total_cmp(other.0)).map(|(_, name)| name)
}
