//! The strategies: what each asks of a row, and what it makes of it.

use std::fmt;

use lobass_core::{Direction, Nll, Score, ScoreRecord};
use xxhash_rust::xxh3::xxh3_64_with_seed;

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
    /// By position in the pool; `None` where a row has none.
    pub values: Vec<Option<f64>>,
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

    /// The score of every row; `None` for rows that are not eligible or lack what the strategy needs.
    pub(crate) fn scores(&self, records: &[ScoreRecord], seed: u64) -> Vec<Option<Score>> {
        let each = |score: &dyn Fn(&ScoreRecord) -> Option<f64>| {
            let eligible = |record: &ScoreRecord| record.status.is_eligible().then(|| score(record))?;
            records.iter().map(|record| eligible(record).and_then(Score::new)).collect()
        };
        match self {
            Self::Lobass => each(&|r| relative(r.base?.sum, r.reference?.sum)),
            Self::Gap => each(&|r| Some(r.base?.mean()? - r.reference?.mean()?)),
            Self::GapSum => each(&|r| implicit_reward(r.base, r.reference)),
            Self::RewardMargin => each(&|r| {
                let rejected = implicit_reward(r.rejected?.base, r.rejected?.reference)?;
                Some(implicit_reward(r.base, r.reference)? - rejected)
            }),
            Self::Perplexity(Band::Middle) => middle(&each(&|r| r.base?.mean())),
            Self::Perplexity(Band::Low | Band::High) => each(&|r| r.base?.perplexity()),
            Self::Longest => each(&|r| Some(f64::from(r.n_scored))),
            Self::Quality(ratings) => each(&|r| ratings.of(r)),
            Self::Random => each(&|r| Some(uniform(tie_break(r, seed)))),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}

impl Ratings {
    fn of(&self, record: &ScoreRecord) -> Option<f64> {
        let rating = (*self.values.get(usize::try_from(record.row).ok()?)?)?;
        self.at_least.is_none_or(|least| rating >= least).then_some(rating)
    }
}

/// `log pi_reference - log pi_base` of a response, which DPO multiplies with beta, in nats.
fn implicit_reward(base: Option<Nll>, reference: Option<Nll>) -> Option<f64> {
    Some(base?.sum - reference?.sum)
}

/// The share of the loss that is gone; undefined for a loss of nothing.
pub(crate) fn relative(base: f64, reference: f64) -> Option<f64> {
    (base > 0.0).then(|| (base - reference) / base)
}

/// Turns scores into their distance from the middle rank: 0 for the median, 1 for both ends.
fn middle(scores: &[Option<Score>]) -> Vec<Option<Score>> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&at| scores[at].is_some()).collect();
    order.sort_by_key(|&at| scores[at]);
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut distances = vec![None; scores.len()];
    for (rank, at) in order.into_iter().enumerate() {
        distances[at] = Score::new((2.0 * rank as f64 / last - 1.0).abs());
    }
    distances
}

/// A number that orders rows by nothing but their name.
pub(crate) fn tie_break(record: &ScoreRecord, seed: u64) -> u64 {
    xxh3_64_with_seed(record.key.as_str().as_bytes(), seed)
}

/// 53 bits of a hash as a number in [0, 1).
fn uniform(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
