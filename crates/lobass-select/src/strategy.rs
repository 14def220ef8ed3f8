//! The strategies: what each asks of a row, and what it makes of it.

use std::fmt;

use lobass_core::{ColumnSet, Direction, Numbers};

/// Which part of the perplexity range is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// The rows that surprise the base model least.
    Low,
    /// The rows around the median.
    Middle,
    /// The rows that surprise it most.
    High,
}

/// A rating per row, and the least that is good enough.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ratings {
    /// By position in the pool; missing where a row has none.
    pub values: Numbers,
    /// Rows below this are not eligible.
    pub at_least: Option<f64>,
}

/// A way to order the rows of a pool.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Strategy {
    /// `(L_base - L_ref) / L_base`.
    Lobass,
    /// `(L_base - L_ref) / n_scored`.
    Gap,
    /// `L_base - L_ref`: of one response, DPO's implicit reward over beta.
    GapSum,
    /// `L_base - L_ref` of the chosen response minus that of the rejected one.
    RewardMargin,
    /// `exp(L_base / n_scored)`, by rank.
    Perplexity(Band),
    /// `n_scored`.
    Longest,
    /// A rating that the data brings.
    Quality(Ratings),
    /// A seeded hash of the key.
    Random,
}

/// What a strategy asks of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A loss under the base model.
    Base,
    /// A loss under the reference model.
    Reference,
    /// A rating column.
    Rating,
    /// A rejected response beside the chosen one.
    Pair,
}

/// What people should know of a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyInfo {
    /// Its name on the command line.
    pub name: &'static str,
    /// Which end of its score is kept, unless told otherwise.
    pub direction: Direction,
    /// What it asks of a row.
    pub needs: &'static [Need],
    /// Its score, in a phrase.
    pub score: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

const BOTH: &[Need] = &[Need::Base, Need::Reference];

impl Strategy {
    /// Every strategy, the paper's first.
    pub fn all() -> [Self; 10] {
        [
            Self::Lobass,
            Self::Gap,
            Self::GapSum,
            Self::RewardMargin,
            Self::Perplexity(Band::Low),
            Self::Perplexity(Band::Middle),
            Self::Perplexity(Band::High),
            Self::Longest,
            Self::Quality(Ratings::default()),
            Self::Random,
        ]
    }

    /// Finds a strategy by name; `quality` comes without ratings.
    ///
    /// # Errors
    /// The names there are.
    pub fn from_name(name: &str) -> Result<Self, String> {
        Self::all().into_iter().find(|strategy| strategy.info().name == name).ok_or_else(|| {
            let known: Vec<_> = Self::all().iter().map(|strategy| strategy.info().name).collect();
            format!("expected one of {}, found `{name}`", known.join(", "))
        })
    }

    /// What people should know of it.
    pub fn info(&self) -> StrategyInfo {
        use Direction::{Ascending, Descending};
        let info =
            |name, direction, needs, score, source| StrategyInfo { name, direction, needs, score, source };
        match self {
            Self::Lobass => info(
                "lobass",
                Descending,
                BOTH,
                "relative loss reduction, (base - reference) / base",
                "LoBaSS / DavIR, arXiv 2310.13008",
            ),
            Self::Gap => info(
                "gap",
                Descending,
                BOTH,
                "loss reduction in nats per scored token",
                "LoBaSS without its normalisation, arXiv 2310.13008",
            ),
            Self::GapSum => info(
                "gap-sum",
                Descending,
                BOTH,
                "loss reduction in nats, summed over the response",
                "RHO-LM in DavIR; the DPO implicit reward over beta",
            ),
            Self::RewardMargin => info(
                "reward-margin",
                Descending,
                &[Need::Base, Need::Reference, Need::Pair],
                "loss reduction of the chosen response minus that of the rejected one, in nats",
                "the DPO margin over beta, arXiv 2305.18290; DavIR, arXiv 2310.13008",
            ),
            Self::Perplexity(Band::Low) => info(
                "perplexity-low",
                Ascending,
                &[Need::Base],
                "perplexity under the base",
                "arXiv 2309.04564",
            ),
            Self::Perplexity(Band::Middle) => info(
                "perplexity-middle",
                Ascending,
                &[Need::Base],
                "distance from the median perplexity, in ranks (0 to 1)",
                "arXiv 2309.04564",
            ),
            Self::Perplexity(Band::High) => info(
                "perplexity-high",
                Descending,
                &[Need::Base],
                "perplexity under the base",
                "arXiv 2309.04564",
            ),
            Self::Longest => info(
                "longest",
                Descending,
                &[],
                "scored tokens",
                "Long Is More for Alignment, arXiv 2402.04833",
            ),
            Self::Quality(_) => info(
                "quality",
                Descending,
                &[Need::Rating],
                "a rating that the data brings",
                "AlpaGasus, arXiv 2307.08701",
            ),
            Self::Random => info("random", Ascending, &[], "a seeded hash of the row's key", "the baseline"),
        }
    }

    /// The columns of a score table that it reads.
    pub fn columns(&self) -> ColumnSet {
        let needs = self.info().needs;
        let models = [(Need::Base, "base"), (Need::Reference, "reference")];
        let models = models.iter().filter(|(need, _)| needs.contains(need)).map(|(_, name)| *name);
        let mut columns = ColumnSet::of_losses(models.clone());
        if needs.contains(&Need::Pair) {
            columns.extend(ColumnSet::of_losses(models.map(|name| format!("{name}_rejected"))));
        }
        columns
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}
