//! What can be done with a pair.

use std::fmt;

use lobass_core::RowStatus;

/// What can be done with a row of a pool of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PairStatus {
    /// It is used.
    Ok,
    /// It is used, with both responses cut to the maximal length.
    CutBoth,
    /// One response was cut and the other was not, so their log-probabilities cannot be compared.
    CutOneSide,
    /// Both responses are the same text, or the same tokens.
    Identical,
    /// The row has one response only.
    Single,
    /// A response has no sequence, for this reason.
    Unscored(RowStatus),
}

impl PairStatus {
    pub(super) fn is_used(self) -> bool {
        matches!(self, Self::Ok | Self::CutBoth)
    }
}

impl fmt::Display for PairStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.pad("ok"),
            Self::CutBoth => f.pad("cut_both"),
            Self::CutOneSide => f.pad("cut_one_side"),
            Self::Identical => f.pad("identical"),
            Self::Single => f.pad("single"),
            Self::Unscored(status) => status.fmt(f),
        }
    }
}
