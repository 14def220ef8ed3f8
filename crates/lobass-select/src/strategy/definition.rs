//! The trait of strategies.

use std::fmt;

use lobass_core::Numbers;

use super::border::Border;
use super::choice::Choice;
use super::info::StrategyInfo;
use super::inputs::Inputs;
use super::need::Needs;
use super::problem::Problem;
use crate::shape::LeftOut;

/// A way to give every row of a pool a score.
///
/// [`strategies`](crate::strategies) has those that lobass brings; your own is a type with this trait, and is selected by
/// as they are: see `examples/define.rs`. A strategy says what it needs in its [`info`](Self::info), the caller
/// gathers that into [`Inputs`], and [`scores`](Self::scores) turns them into one column of numbers. What else a
/// selection does, such as guards, quotas, and ties, is the same for all.
pub trait Strategy: Sync {
    /// Its name, its direction, its needs, and its description.
    fn info(&self) -> StrategyInfo;

    /// A score for every row by its position in the pool; missing for a row that this strategy cannot judge.
    ///
    /// Rows that may not be selected, such as held-out ones, and scores that are not finite are dropped by the caller;
    /// [`Inputs::each`] does so beforehand, for strategies whose scores depend on other rows. Everything in
    /// [`StrategyInfo::needs`] is there.
    ///
    /// # Errors
    /// A [`Problem`] if the inputs do not serve.
    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem>;

    /// How rows are chosen by these scores.
    fn choice(&self) -> Choice<'_> {
        Choice::Ranks
    }

    /// The score in words, with what changes it: nats of shrinkage, or the strategy whose lengths are drawn.
    fn score_in_words(&self, shrinkage: Option<f64>, lengths_of: Option<&dyn Strategy>) -> String {
        let _ = (shrinkage, lengths_of);
        self.info().score.to_owned()
    }

    /// The rows of one score, if they are a line in the plane of mean losses. Without shrinkage.
    fn border(&self, score: f64) -> Option<Border> {
        let _ = score;
        None
    }

    /// Why rows that may be selected have no score, and how many for each reason; `n_rows` are without one.
    fn unscored(&self, inputs: &Inputs<'_>, n_rows: u64) -> Vec<LeftOut> {
        let _ = inputs;
        vec![LeftOut { why: "without a score by this strategy".to_owned(), n_rows }]
    }

    /// Its name.
    fn name(&self) -> &'static str {
        self.info().name
    }

    /// Whether [`Choice::LengthsOf`] can draw the lengths of its selection: its score is computed from sums of losses
    /// or from lengths alone.
    fn has_lengths(&self) -> bool {
        matches!(self.choice(), Choice::Ranks) && self.info().needs.iter().all(|need| need.is_of_sums())
    }

    /// Its needs, with those of the strategy whose lengths are copied, if there is one.
    fn needs(&self, lengths_of: Option<&dyn Strategy>) -> Needs {
        let other = lengths_of.filter(|_| matches!(self.choice(), Choice::LengthsOf));
        let of_other = other.map_or(&[][..], |other| other.info().needs);
        self.info().needs.iter().chain(of_other).copied().collect()
    }
}

impl PartialEq for dyn Strategy + '_ {
    /// Strategies are equal if their names are.
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Strategy + '_ {}

impl fmt::Debug for dyn Strategy + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strategy({})", self.name())
    }
}

impl fmt::Display for dyn Strategy + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
