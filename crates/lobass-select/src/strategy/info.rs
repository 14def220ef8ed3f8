//! What people should know of each strategy.

use lobass_core::Direction;

use super::{Band, Strategy};

/// What a strategy asks of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A loss under the base model.
    Base,
    /// A loss under the reference model.
    Reference,
    /// A loss under the base model without the prompt.
    Unconditional,
    /// The Brier loss under the base model.
    Brier,
    /// The loss of every token, under the models that it needs.
    Tokens,
    /// Which rows have the same prompt.
    Prompts,
    /// A loss under the reference after each epoch.
    Trajectory,
    /// Vectors of the rows and of queries.
    Queries,
    /// The selection of another strategy, and what that one needs.
    Lengths,
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
    /// Other names that it is known by.
    pub other_names: &'static [&'static str],
    /// Which end of its score is kept by default.
    pub direction: Direction,
    /// What it asks of a row.
    pub needs: &'static [Need],
    /// Its score, in a phrase.
    pub score: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

use Direction::{Ascending, Descending};
use Need::{
    Base, Brier, Lengths, Pair, Prompts, Queries, Rating, Reference, Tokens, Trajectory, Unconditional,
};

impl StrategyInfo {
    const fn new(name: &'static str, direction: Direction, needs: &'static [Need]) -> Self {
        Self { name, other_names: &[], direction, needs, score: "", source: "" }
    }

    const fn also(self, other_names: &'static [&'static str]) -> Self {
        Self { other_names, ..self }
    }

    const fn is(self, score: &'static str, source: &'static str) -> Self {
        Self { score, source, ..self }
    }
}

impl Strategy {
    /// What people should know of it.
    pub fn info(&self) -> StrategyInfo {
        let info = StrategyInfo::new;
        match self {
            Self::Lobass => info("lobass", Descending, &[Base, Reference])
                .also(&["davir"])
                .is("relative loss reduction, (base - reference) / base", "LoBaSS / DavIR, arXiv 2310.13008"),
            Self::Gap => info("gap", Descending, &[Base, Reference]).is(
                "loss reduction in nats per scored token",
                "LoBaSS without its normalisation, arXiv 2310.13008",
            ),
            Self::GapSum => {
                info("gap-sum", Descending, &[Base, Reference]).also(&["rho-lm", "implicit-reward"]).is(
                    "loss reduction in nats, summed over the response",
                    "RHO-LM in DavIR, arXiv 2310.13008; the DPO implicit reward over beta, arXiv 2305.18290",
                )
            }
            Self::RewardMargin => info("reward-margin", Descending, &[Base, Reference, Pair]).is(
                "loss reduction of the chosen response minus that of the rejected one, in nats",
                "the DPO margin over beta, arXiv 2305.18290; DavIR, arXiv 2310.13008",
            ),
            Self::Perplexity(Band::Low) => {
                info("perplexity-low", Ascending, &[Base]).is("perplexity under the base", "arXiv 2309.04564")
            }
            Self::Perplexity(Band::Middle) => info("perplexity-middle", Ascending, &[Base])
                .is("distance from the median perplexity, in ranks (0 to 1)", "arXiv 2309.04564"),
            Self::Perplexity(Band::High) => info("perplexity-high", Descending, &[Base])
                .is("perplexity under the base", "arXiv 2309.04564"),
            Self::Grape => info("grape", Ascending, &[Base, Prompts]).is(
                "loss under the base in nats per scored token, of the most probable response to each prompt",
                "GRAPE, arXiv 2502.04194",
            ),
            Self::Ifd => info("ifd", Descending, &[Base, Unconditional]).is(
                "instruction-following difficulty: loss with the prompt over loss without it, at most 1",
                "Cherry LLM, arXiv 2308.12032",
            ),
            Self::IfdPerplexity => {
                info("ifd-perplexity", Descending, &[Base, Unconditional]).also(&["superfiltering"]).is(
                    "perplexity with the prompt over perplexity without it, at most 1",
                    "Superfiltering, arXiv 2402.00530 (there with a small model as the base)",
                )
            }
            Self::SelectiveIfd(_) => info("s-ifd", Descending, &[Base, Unconditional, Tokens]).is(
                "ifd-perplexity over the tokens that the prompt matters most to, at most 1",
                "T-SHIRT, arXiv 2506.01317, without its noise",
            ),
            Self::Pvi => info("pvi", Descending, &[Base, Unconditional]).is(
                "pointwise V-information of the prompt about the response, in bits, of an untrained model",
                "arXiv 2110.08420",
            ),
            Self::Lark(_) => info("lark", Descending, &[Base, Brier, Prompts]).is(
                "gain in loss from a step on the row, within the responses to its prompt",
                "LARK, arXiv 2605.30651, without its weights",
            ),
            Self::S2l(_) => info("s2l", Ascending, &[Trajectory]).is(
                "number of the row's cluster, by how its loss went in training, the smallest first",
                "S2L, arXiv 2403.07384",
            ),
            Self::Rds(_) => info("rds", Descending, &[Queries]).is(
                "largest cosine of the row's pooled hidden state to those of the queries",
                "RDS+, arXiv 2503.01807",
            ),
            Self::Longest => info("longest", Descending, &[])
                .is("scored tokens", "Long Is More for Alignment, arXiv 2402.04833"),
            Self::Quality(_) => info("quality", Descending, &[Rating])
                .is("a rating that the data brings", "AlpaGasus, arXiv 2307.08701"),
            Self::LengthMatchedRandom(_) => info("length-matched-random", Ascending, &[Lengths]).is(
                "a seeded hash of the row's key, with the lengths of another strategy's selection",
                "the baseline that has the same lengths",
            ),
            Self::Random => {
                info("random", Ascending, &[]).is("a seeded hash of the row's key", "the baseline")
            }
        }
    }

    /// Its score in words, with what changes it: nats of shrinkage, or the strategy whose lengths are drawn.
    pub fn score_in_words(&self, shrinkage: Option<f64>) -> String {
        match (self, shrinkage) {
            (Self::Lobass, Some(nats)) => {
                format!("relative loss reduction with shrinkage, (base - reference) / (base + {nats})")
            }
            (Self::LengthMatchedRandom(other), _) => {
                format!("a seeded hash of the row's key, with the lengths of what `{other}` selects")
            }
            _ => self.info().score.to_owned(),
        }
    }
}
