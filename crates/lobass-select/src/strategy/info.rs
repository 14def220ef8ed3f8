//! The description of a strategy, for people and other crates.

use lobass_core::Direction;

use super::need::Need;

/// The description of a strategy, for people and other crates.
///
/// Make one with [`Self::new`], and set what differs: `StrategyInfo { needs: &[..], ..StrategyInfo::new(..) }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrategyInfo {
    /// Its name on the command line.
    pub name: &'static str,
    /// Other names that it is known by.
    pub other_names: &'static [&'static str],
    /// Which end of its score is kept by default.
    pub direction: Direction,
    /// The inputs that it reads.
    pub needs: &'static [Need],
    /// Its score, in a phrase.
    pub score: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether its score is computed from the hashes of keys ([`Inputs::key_hashes`](super::Inputs::key_hashes)), which
    /// also order equal scores of every strategy.
    pub reads_keys: bool,
    /// Whether the score of a row depends on nothing but this row's columns, so that a table may come in pieces
    /// ([`Sieve`](crate::Sieve)).
    pub by_row: bool,
    /// Whether nats can be added to the denominator of its score ([`Guards::shrinkage`](crate::Guards::shrinkage)).
    pub shrinks: bool,
    /// The largest score that means something, and what a larger one means. Rows above it are no candidates.
    pub ceiling: Option<(f64, &'static str)>,
    /// Where a histogram of its scores begins, if the scores below it say no more than that they are below.
    pub shown_from: Option<f64>,
    /// The claims of its paper.
    pub claims: &'static [PaperClaim],
}

impl StrategyInfo {
    /// A strategy that needs only the lengths, which every table has.
    pub const fn new(
        name: &'static str,
        direction: Direction,
        score: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            name,
            other_names: &[],
            direction,
            needs: &[],
            reads_keys: false,
            by_row: false,
            score,
            source,
            shrinks: false,
            ceiling: None,
            shown_from: None,
            claims: &[],
        }
    }
}

/// A claim of a paper about a strategy, which a comparison can confirm or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaperClaim {
    /// The claim.
    pub what: &'static str,
    /// The rival in the claim.
    pub against: Rival,
    /// In what the strategy is claimed to be better.
    pub merit: Merit,
}

/// The rival of a strategy in a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// Training on all rows.
    AllRows,
    /// The strategy of this name.
    Strategy(&'static str),
}

/// In what a strategy is claimed to be better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merit {
    /// A model trained on its selection has a lower held-out loss, or more exact matches.
    Teaches,
    /// Its score goes less with the length of the response.
    IgnoresLength,
}
