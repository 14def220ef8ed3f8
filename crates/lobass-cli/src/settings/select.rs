//! What is kept of a pool.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_core::{Budget, Direction};
use lobass_select::{Guards, Need, Strategy};
use lobass_text::Rules;
use serde::{Deserialize, Serialize};

use super::SetSettings;
use super::spelled::Spelled;

/// How much is kept, and of what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelectSettings {
    pub(crate) strategies: Vec<String>,
    pub(crate) budget: Option<String>,
    pub(crate) seed: u64,
    pub(crate) rating: Option<String>,
    /// A file with the ratings, if they are not in the data.
    pub(crate) ratings: Option<PathBuf>,
    pub(crate) min_rating: Option<f64>,
    pub(crate) direction: Option<DirectionWord>,
    /// The strategy whose lengths `length-matched-random` has.
    pub(crate) lengths_of: Option<String>,
    pub(crate) shape: ShapeSettings,
    pub(crate) sets: SetSettings,
}

/// What a selection has to look like beside its budget.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShapeSettings {
    pub(crate) min_scored: Option<u32>,
    pub(crate) min_base_loss: Option<f64>,
    pub(crate) max_reference_quantile: Option<f64>,
    pub(crate) shrinkage: Option<f64>,
    /// Rules of texts, as `lobass quality` takes them; rows on which one fires are left out.
    pub(crate) rules: Option<String>,
    /// Of rows that are at least so much alike, one is kept.
    pub(crate) near_duplicates: Option<f64>,
    pub(crate) responses: Responses,
    /// `source`, `length`, or a column of the data.
    pub(crate) quota_by: Option<String>,
    pub(crate) length_bins: Option<usize>,
    pub(crate) temperature: Option<f64>,
    pub(crate) shares: Option<String>,
}

/// How many responses to one prompt may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Responses {
    /// All of them
    #[default]
    All,
    /// The best by the strategy
    Best,
    /// The most probable one under the base (GRAPE), whatever the strategy ranks by
    MostProbable,
}

/// A direction in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DirectionWord {
    Ascending,
    Descending,
}

impl From<DirectionWord> for Direction {
    fn from(word: DirectionWord) -> Self {
        match word {
            DirectionWord::Ascending => Self::Ascending,
            DirectionWord::Descending => Self::Descending,
        }
    }
}

impl SelectSettings {
    /// The strategy of a name, with what settings say of it, but for what the data brings.
    pub(crate) fn strategy(&self, name: &str) -> anyhow::Result<Strategy> {
        let parse = |name: &str| {
            Strategy::from_name(name)
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("strategy `{name}`"))
        };
        match (parse(name)?, &self.lengths_of) {
            (Strategy::LengthMatchedRandom(_), Some(other)) => {
                let other = parse(other).context("the strategy whose lengths are wanted")?;
                if matches!(
                    other,
                    Strategy::LengthMatchedRandom(_)
                        | Strategy::Quality(_)
                        | Strategy::SelectiveIfd(_)
                        | Strategy::Grape
                        | Strategy::Lark(_)
                        | Strategy::S2l(_)
                        | Strategy::Rds(_)
                ) {
                    bail!("strategy `{name}`: expected the lengths of a strategy of sums, found `{other}`");
                }
                Ok(Strategy::LengthMatchedRandom(Box::new(other)))
            }
            (strategy, _) => Ok(strategy),
        }
    }

    /// Checks what can be checked before anything is computed.
    pub(crate) fn check<'a>(&self, strategies: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let strategies: Vec<Strategy> =
            strategies.into_iter().map(|name| self.strategy(name)).collect::<anyhow::Result<_>>()?;
        let any = |is: fn(&Strategy) -> bool| strategies.iter().any(is);
        let are_told = self.rating.is_some() || self.ratings.is_some();
        match (are_told, any(|strategy| matches!(strategy, Strategy::Quality(_)))) {
            (true, false) => bail!("ratings are for the strategy quality, and that is not asked for"),
            (false, true) => bail!(
                "the strategy quality needs ratings: name their column with `--rating`, or their file with `--ratings`"
            ),
            _ => {}
        }
        if self.lengths_of.is_some() && !any(|strategy| matches!(strategy, Strategy::LengthMatchedRandom(_)))
        {
            bail!("lengths of another strategy are for length-matched-random, and that is not asked for")
        }
        if self.shape.shrinkage.is_some() && !any(shrinks) {
            let names: Vec<_> = strategies.iter().map(|strategy| format!("`{strategy}`")).collect();
            bail!("shrinkage: expected the strategy `lobass`, found {}", names.join(", "))
        }
        self.shape.check()?;
        self.sets.check(any(|strategy| matches!(strategy, Strategy::Rds(_))))?;
        self.budget().map(|_| ())
    }

    /// Whether a strategy needs something.
    pub(crate) fn needs(&self, need: Need) -> anyhow::Result<bool> {
        let needs = |name: &String| {
            anyhow::Ok(match self.strategy(name)? {
                Strategy::LengthMatchedRandom(other) => other.info().needs.contains(&need),
                strategy => strategy.info().needs.contains(&need),
            })
        };
        Ok(self.strategies.iter().map(needs).collect::<anyhow::Result<Vec<bool>>>()?.contains(&true))
    }

    /// What is said on the command line beside the budget and the seed.
    pub(crate) fn spelled(&self) -> String {
        let mut spelled = Spelled::default();
        spelled.text("rating", self.rating.as_deref());
        spelled.path("ratings", self.ratings.as_deref());
        spelled.value("min-rating", self.min_rating);
        spelled.text("lengths-of", self.lengths_of.as_deref());
        match self.direction {
            Some(DirectionWord::Ascending) => spelled.flag("ascending"),
            Some(DirectionWord::Descending) => spelled.flag("descending"),
            None => {}
        }
        self.shape.spell(&mut spelled);
        self.sets.spell(&mut spelled);
        spelled.line()
    }

    /// What of it is said to one of several strategies.
    pub(crate) fn only(&self, name: &str) -> anyhow::Result<Self> {
        let strategy = self.strategy(name)?;
        let mut only =
            Self { strategies: vec![name.to_owned()], shape: self.shape_of(&strategy), ..self.clone() };
        if !matches!(strategy, Strategy::Quality(_)) {
            (only.rating, only.ratings, only.min_rating) = (None, None, None);
        }
        if !matches!(strategy, Strategy::LengthMatchedRandom(_)) {
            only.lengths_of = None;
        }
        if !matches!(strategy, Strategy::Rds(_)) {
            (only.sets.query_embeddings, only.sets.round_robin) = (Vec::new(), false);
        }
        if !self.reads_vectors(name)? {
            only.sets.embeddings = None;
        }
        Ok(only)
    }

    /// The shape for one of several strategies: shrinkage changes the score of lobass, and is nothing to the others.
    pub(crate) fn shape_of(&self, strategy: &Strategy) -> ShapeSettings {
        let shrinkage = self.shape.shrinkage.filter(|_| shrinks(strategy));
        ShapeSettings { shrinkage, ..self.shape.clone() }
    }

    /// Whether choosing by a strategy looks at vectors of rows.
    pub(crate) fn reads_vectors(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.sets.diversity.is_some() || matches!(self.strategy(name)?, Strategy::Rds(_)))
    }

    /// The files that are read, and what they are.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let ratings = self.ratings.iter().map(|path| ("the ratings", path.as_path()));
        let vectors = self.sets.embeddings.iter().map(|path| ("the embeddings", path.as_path()));
        let queries =
            self.sets.query_embeddings.iter().map(|path| ("the queries' embeddings", path.as_path()));
        ratings.chain(vectors).chain(queries).collect()
    }

    /// The budget; everything that is good enough, if there is a least rating and no budget.
    pub(crate) fn budget(&self) -> anyhow::Result<Budget> {
        match (&self.budget, self.min_rating) {
            (Some(text), _) => text.parse().context("the budget of the selection"),
            (None, Some(_)) => Ok(Budget::Fraction(1.0)),
            (None, None) => {
                bail!("how much to keep is not said: give `--budget`, as `6%`, `3000`, or `2Mtok`")
            }
        }
    }
}

/// Whether shrinkage means something to a strategy.
fn shrinks(strategy: &Strategy) -> bool {
    match strategy {
        Strategy::LengthMatchedRandom(other) => shrinks(other),
        strategy => *strategy == Strategy::Lobass,
    }
}

impl ShapeSettings {
    /// The least and largest values of a row.
    pub(crate) fn guards(&self) -> Guards {
        Guards {
            min_scored: self.min_scored,
            min_base_loss: self.min_base_loss,
            max_reference_quantile: self.max_reference_quantile,
            shrinkage: self.shrinkage,
        }
    }

    fn spell(&self, spelled: &mut Spelled) {
        spelled.value("min-scored", self.min_scored);
        spelled.value("min-base-loss", self.min_base_loss);
        spelled.value("max-reference-quantile", self.max_reference_quantile);
        spelled.value("shrinkage", self.shrinkage);
        spelled.text("rules", self.rules.as_deref());
        spelled.value("near-duplicates", self.near_duplicates);
        spelled.value(
            "responses",
            match self.responses {
                Responses::All => None,
                Responses::Best => Some("best"),
                Responses::MostProbable => Some("most-probable"),
            },
        );
        spelled.text("quota-by", self.quota_by.as_deref());
        spelled.value("length-bins", self.length_bins);
        spelled.value("temperature", self.temperature);
        spelled.text("shares", self.shares.as_deref());
    }

    fn check(&self) -> anyhow::Result<()> {
        let number = |name: &str, value: Option<f64>, expected: &str, fits: fn(f64) -> bool| match value {
            Some(value) if !fits(value) => bail!("{name}: expected {expected}, found {value}"),
            _ => Ok(()),
        };
        number("the least loss under the base", self.min_base_loss, "a number", f64::is_finite)?;
        let quantile = |value: f64| (0.0..=1.0).contains(&value);
        number(
            "the quantile of the loss under the reference",
            self.max_reference_quantile,
            "0 to 1",
            quantile,
        )?;
        number("shrinkage", self.shrinkage, "nats, at least 0", |nats| nats >= 0.0 && nats.is_finite())?;
        number("the temperature of a quota", self.temperature, "a number above 0, or inf", |t| t > 0.0)?;
        if let Some(rules) = &self.rules {
            rules.parse::<Rules>().with_context(|| format!("rules `{rules}`"))?;
        }
        number("the similarity of near duplicates", self.near_duplicates, "0.1 to 1", |jaccard| {
            (0.1..=1.0).contains(&jaccard)
        })?;
        if self.length_bins == Some(0) {
            bail!("bins of length: expected at least 1, found 0");
        }
        match &self.quota_by {
            None if self.temperature.is_some() || self.shares.is_some() => {
                bail!("a quota by what? Say it with `--quota-by source`, `length`, or a column of the data")
            }
            Some(by) if by != "length" && self.length_bins.is_some() => {
                bail!("bins of length are for a quota by `length`, found one by `{by}`")
            }
            Some(by) if by == "length" && self.shares.is_some() => {
                bail!("a quota by `length`: expected a temperature or nothing, found shares")
            }
            None if self.length_bins.is_some() => {
                bail!("bins of length are for a quota: say `--quota-by length`")
            }
            _ if self.temperature.is_some() && self.shares.is_some() => {
                bail!("a quota: expected a temperature or shares, found both")
            }
            _ => Ok(()),
        }
    }
}
