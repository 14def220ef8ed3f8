//! How rows are chosen by their scores.

use super::inputs::Inputs;
use super::problem::Problem;

/// How rows are chosen by their scores.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// The best by rank, until the budget is spent.
    Ranks,
    /// Equally many rows of each cluster of vectors, the smallest clusters first. The number of its cluster replaces
    /// the score of a row.
    Clusters(&'a dyn Features),
    /// By rank, as many rows of each length as the selection of another strategy has, among that one's candidates.
    LengthsOf,
}

/// Vectors that rows are clustered by.
pub trait Features {
    /// The vector of every row, one row after the other, and how many values each has. A row whose vector is not finite
    /// cannot be chosen.
    ///
    /// # Errors
    /// A [`Problem`] if the inputs lack what they are made from.
    fn features(&self, inputs: &Inputs<'_>) -> Result<(Vec<f32>, usize), Problem>;
}

impl std::fmt::Debug for dyn Features + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Features")
    }
}
