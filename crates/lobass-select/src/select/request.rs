//! The request for a selection.

use lobass_core::{Budget, Direction};

use super::sets::Sets;
use crate::shape::Shape;
use crate::strategy::Strategy;

/// The request for a selection: the strategy, the budget, and the shape.
///
/// [`Request::new`] is enough for the best rows of a budget; set what differs:
/// `Request { direction: Some(Direction::Ascending), ..Request::new(&Lobass, budget) }`. It only borrows.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The strategy that gives rows their scores.
    pub strategy: &'a dyn Strategy,
    /// The strategy whose lengths are drawn, for one that draws any
    /// ([`Choice::LengthsOf`](crate::Choice::LengthsOf)). Direction, shape, and budget are those of its selection then.
    pub lengths_of: Option<&'a dyn Strategy>,
    /// How much to keep.
    pub budget: Budget,
    /// Which end of the score is kept; without one, the strategy's own. Clusters and turns of tasks have no other end.
    pub direction: Option<Direction>,
    /// The shape of the selection, beside its budget.
    pub shape: &'a Shape,
    /// How the chosen rows are to differ. With a quota, the rows of each part differ among themselves.
    pub sets: Option<Sets<'a>>,
}

/// No shape.
static ANY: Shape = Shape::ANY;

impl<'a> Request<'a> {
    /// The best rows of a budget by a strategy.
    pub fn new(strategy: &'a dyn Strategy, budget: Budget) -> Self {
        Self { strategy, lengths_of: None, budget, direction: None, shape: &ANY, sets: None }
    }
}
