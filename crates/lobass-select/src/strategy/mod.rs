//! The strategies: what each asks of a row, and what it makes of it.

mod info;
mod takes;

use std::fmt;

use lobass_core::{ColumnSet, Numbers};

pub use info::{Need, StrategyInfo};
pub use takes::Setting;

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
    /// Of several responses to one prompt, that with the lowest `L_base / n_scored`.
    Grape,
    /// `L(y|x) / L(y)` under the base; rows above 1 are left out.
    Ifd,
    /// `exp((L(y|x) - L(y)) / n_scored)` under the base; rows above 1 are left out.
    IfdPerplexity,
    /// A ratio of perplexities over the tokens that the prompt matters to; from the losses of all tokens.
    SelectiveIfd(Numbers),
    /// `(L(y) - L(y|x)) / ln 2` under the base.
    Pvi,
    /// Equal shares of clusters of rows whose losses went alike while a reference was trained: the mean loss under
    /// each of these models, by the names of their columns without `_nll`.
    S2l(Vec<String>),
    /// How fast a model would learn a response compared with the others to its prompt: [`lark`](crate::lark).
    Lark(Numbers),
    /// The largest cosine of a row's vector to those of the queries.
    Rds(Numbers),
    /// `n_scored`.
    Longest,
    /// A rating that the data brings.
    Quality(Ratings),
    /// As `Random`, with the lengths of what another strategy selects.
    LengthMatchedRandom(Box<Self>),
    /// A seeded hash of the key.
    Random,
}

impl Strategy {
    /// Every strategy, the paper's first.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Lobass,
            Self::Gap,
            Self::GapSum,
            Self::RewardMargin,
            Self::Perplexity(Band::Low),
            Self::Perplexity(Band::Middle),
            Self::Perplexity(Band::High),
            Self::Grape,
            Self::Ifd,
            Self::IfdPerplexity,
            Self::SelectiveIfd(Numbers::default()),
            Self::Pvi,
            Self::Lark(Numbers::default()),
            Self::S2l(Vec::new()),
            Self::Rds(Numbers::default()),
            Self::Quality(Ratings::default()),
            Self::Longest,
            Self::LengthMatchedRandom(Box::new(Self::Lobass)),
            Self::Random,
        ]
    }

    /// Finds a strategy by its name, or by another name that it is known by. Those that need more than a table of sums
    /// come without it: `quality` without ratings, `s-ifd` without losses of tokens, `s2l` without checkpoints, `lark`
    /// without gains, `rds` without cosines, and `length-matched-random` with the lengths of what `lobass` selects.
    ///
    /// # Errors
    /// The names there are, and the one that was probably meant.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let is_named = |strategy: &Self| {
            let info = strategy.info();
            info.name == name || info.other_names.contains(&name)
        };
        Self::all().into_iter().find(is_named).ok_or_else(|| {
            let known: Vec<_> = Self::all().iter().map(|strategy| strategy.info().name).collect();
            let tip = if name.contains(',') {
                "; several names are separated by blanks".to_owned()
            } else {
                likeliest(name, &known).map_or(String::new(), |likely| format!("; did you mean `{likely}`?"))
            };
            format!("expected one of {}, found `{name}`{tip}", known.join(", "))
        })
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
        if needs.contains(&Need::Unconditional) {
            columns.extend(ColumnSet::of_losses([UNCONDITIONAL]));
        }
        if needs.contains(&Need::Brier) {
            columns.extend(ColumnSet::of_losses([BRIER]));
        }
        match self {
            Self::LengthMatchedRandom(other) => columns.extend(other.columns()),
            Self::S2l(checkpoints) => columns.extend(ColumnSet::of_losses(checkpoints)),
            _ => {}
        }
        columns
    }
}

/// The name that is most like another one, if any is much like it.
fn likeliest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = known.iter().map(|&other| (strsim::jaro_winkler(&name.to_lowercase(), other), other));
    alike
        .filter(|(alike, _)| *alike > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}

/// The losses under the base of responses without their prompts.
pub(crate) const UNCONDITIONAL: &str = "base_unconditional";

/// The Brier losses under the base.
pub(crate) const BRIER: &str = "base_brier";

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}
