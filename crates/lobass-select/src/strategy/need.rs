//! The needs of a strategy.

use std::fmt;

use lobass_core::{ColumnSet, ModelRole};

/// An input that a strategy reads, beside the status and the length of every row. One that reads the hashes of keys says
/// so in [`StrategyInfo::reads_keys`](super::StrategyInfo::reads_keys).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// The loss under the base model.
    Base,
    /// The loss under the reference model.
    Reference,
    /// The loss under the base model without the prompt.
    Unconditional,
    /// The loss of the response without the prompt under the null model.
    Null,
    /// The Brier loss under the base model.
    Brier,
    /// Another column of losses of the score table, by its name without `_nll`.
    Losses(&'static str),
    /// The loss of every token.
    Tokens,
    /// Which rows have the same prompt.
    Prompts,
    /// The loss under the base and after each epoch of one training.
    Trajectory,
    /// Vectors of the rows and of queries.
    Queries,
    /// Another strategy, whose selection has the lengths that are wanted, and everything that one needs.
    Lengths,
    /// How much samples after the prompt of each row gained.
    Samples,
    /// A rating of every row.
    Rating,
    /// A rejected response beside the chosen one.
    Pair,
}

impl Need {
    /// Whether the score table has it as sums of losses, so that no other file is read for it.
    pub fn is_of_sums(self) -> bool {
        match self {
            Self::Base
            | Self::Reference
            | Self::Unconditional
            | Self::Null
            | Self::Brier
            | Self::Losses(_)
            | Self::Pair => true,
            Self::Tokens
            | Self::Prompts
            | Self::Trajectory
            | Self::Queries
            | Self::Lengths
            | Self::Samples
            | Self::Rating => false,
        }
    }

    /// The role of the model whose column of sums it is, if it is one column.
    pub(crate) fn column(self) -> Option<ModelRole> {
        match self {
            Self::Base => Some(ModelRole::Base),
            Self::Reference => Some(ModelRole::REFERENCE),
            Self::Unconditional => Some(ModelRole::BaseUnconditional),
            Self::Null => Some(ModelRole::NULL),
            Self::Brier => Some(ModelRole::BaseBrier),
            Self::Losses(name) => Some(name.into()),
            _ => None,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Base => "base",
            Self::Reference => "reference",
            Self::Unconditional => "base without the prompt",
            Self::Null => "null model",
            Self::Brier => "Brier losses of the base",
            Self::Losses(name) => name,
            Self::Tokens => "losses of tokens",
            Self::Prompts => "prompts",
            Self::Trajectory => "losses after each epoch",
            Self::Queries => "vectors of the pool and of queries",
            Self::Lengths => "lengths of another strategy's selection",
            Self::Samples => "samples",
            Self::Rating => "ratings",
            Self::Pair => "pairs",
        })
    }
}

/// The needs of one or several strategies together, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs(Vec<Need>);

impl Needs {
    /// Whether something is needed.
    pub fn contains(&self, need: Need) -> bool {
        self.0.contains(&need)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Need> + '_ {
        self.0.iter().copied()
    }

    /// The columns of a score table that are read.
    ///
    /// - `epochs`: the columns of one training, the base's first, for [`Need::Trajectory`]
    pub fn columns(&self, epochs: &[String]) -> ColumnSet {
        let mut columns = ColumnSet::of_losses(self.iter().filter_map(Need::column));
        if self.contains(Need::Pair) {
            let models = [Need::Base, Need::Reference].into_iter().filter(|need| self.contains(*need));
            let rejected = models.filter_map(Need::column).map(|model| model.rejected());
            columns.extend(ColumnSet::of_losses(rejected));
        }
        if self.contains(Need::Trajectory) {
            columns.extend(ColumnSet::of_losses(epochs));
        }
        columns
    }
}

impl Extend<Need> for Needs {
    fn extend<I: IntoIterator<Item = Need>>(&mut self, needs: I) {
        for need in needs {
            if !self.contains(need) {
                self.0.push(need);
            }
        }
    }
}

impl FromIterator<Need> for Needs {
    fn from_iter<I: IntoIterator<Item = Need>>(needs: I) -> Self {
        let mut all = Self::default();
        all.extend(needs);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_hand() {
        let columns = |needs: &[Need]| {
            let needs: Needs = needs.iter().copied().collect();
            let epochs = ["base", "reference_epoch1"].map(str::to_owned);
            needs.columns(&epochs).losses.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(columns(&[]), [""; 0]);
        assert_eq!(columns(&[Need::Base, Need::Unconditional]), ["base", "base_unconditional"]);
        assert_eq!(columns(&[Need::Reference, Need::Null]), ["null", "reference"]);
        assert_eq!(columns(&[Need::Base, Need::Pair]), ["base", "base_rejected"]);
        let pairs = ["base", "base_rejected", "reference", "reference_rejected"];
        assert_eq!(columns(&[Need::Base, Need::Reference, Need::Pair, Need::Base]), pairs);
        assert_eq!(columns(&[Need::Trajectory]), ["base", "reference_epoch1"]);
        assert_eq!(columns(&[Need::Losses("in_sample"), Need::Rating]), ["in_sample"]);
    }
}
