//! Settings of a selection.

mod check;

use std::path::{Path, PathBuf};

use lobass_core::{Budget, Direction};
use lobass_select::strategies::{self, Lobass};
use lobass_select::{Choice, Needs, Setting, Strategy};
use serde::{Deserialize, Serialize};

use super::spelled::Spelled;
use super::{SetSettings, ShapeSettings};
use crate::error::{Context as _, Error, Result, bail};

/// How much is kept, and of what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectSettings {
    /// The names of the strategies.
    pub strategies: Vec<String>,
    /// How much is kept, as in `6%`, `3000`, or `2Mtok`.
    pub budget: Option<String>,
    /// The seed of ties and of random strategies.
    pub seed: u64,
    /// The column with the ratings.
    pub rating: Option<String>,
    /// A file with the ratings, if they are not in the data.
    pub ratings: Option<PathBuf>,
    /// A file of samples after the prompts of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<PathBuf>,
    /// The least rating that is good enough.
    pub min_rating: Option<f64>,
    /// Which end of a score is kept, if not the strategy's own.
    pub direction: Option<DirectionWord>,
    /// The strategy whose lengths are drawn; `lobass` without one.
    pub lengths_of: Option<String>,
    /// What a selection has to look like beside its budget.
    pub shape: ShapeSettings,
    /// How the rows of a selection are to differ.
    pub sets: SetSettings,
}

/// A direction in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DirectionWord {
    /// Low scores are kept.
    Ascending,
    /// High scores are kept.
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
    /// The strategies, in the order in which they are named.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn strategies(&self) -> Result<Vec<&'static dyn Strategy>> {
        self.strategies.iter().map(|name| self.strategy(name)).collect()
    }

    /// The strategy of a name.
    ///
    /// # Errors
    /// If the name is unknown, or if it draws lengths and [`Self::lengths_of`] cannot be drawn.
    pub fn strategy(&self, name: &str) -> Result<&'static dyn Strategy> {
        let strategy = named(name)?;
        if matches!(strategy.choice(), Choice::LengthsOf) {
            self.lengths_of()?;
        }
        Ok(strategy)
    }

    /// The strategy whose lengths are drawn by one that draws any.
    ///
    /// # Errors
    /// If the name is unknown, or if the strategy needs more than sums of losses.
    pub fn lengths_of(&self) -> Result<&'static dyn Strategy> {
        let Some(name) = &self.lengths_of else { return Ok(&Lobass) };
        let other = named(name).context("`--lengths-of`")?;
        if !other.has_lengths() {
            bail!(
                Settings,
                "`--lengths-of` needs a strategy computed from loss sums or lengths, found `{other}`"
            );
        }
        Ok(other)
    }

    /// The needs of some strategies, with those of the strategy whose lengths are copied.
    ///
    /// # Errors
    /// The errors of [`Self::lengths_of`].
    pub fn needs<'a>(&self, strategies: impl IntoIterator<Item = &'a dyn Strategy>) -> Result<Needs> {
        let mut needs = Needs::default();
        for strategy in strategies {
            needs.extend(strategy.needs(Some(self.lengths_of()?)).iter());
        }
        Ok(needs)
    }

    /// Whether a setting can change what a strategy chooses.
    fn acts(&self, setting: Setting, strategy: &dyn Strategy) -> bool {
        setting.acts_on(strategy, self.lengths_of().ok())
    }

    /// The flags of the command line, without budget and seed.
    pub fn spelled(&self) -> String {
        let mut spelled = Spelled::default();
        spelled.text("rating", self.rating.as_deref());
        spelled.path("ratings", self.ratings.as_deref());
        spelled.value("min-rating", self.min_rating);
        spelled.path("samples", self.samples.as_deref());
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

    /// The settings that affect one of several strategies.
    ///
    /// # Errors
    /// If the name is unknown.
    pub fn only(&self, name: &str) -> Result<Self> {
        let strategy = self.strategy(name)?;
        let mut only = Self {
            strategies: vec![name.to_owned()],
            shape: self.shape_of(strategy),
            direction: self.direction.filter(|_| self.direction_of(strategy).is_some()),
            ..self.clone()
        };
        if !self.acts(Setting::Ratings, strategy) {
            (only.rating, only.ratings, only.min_rating) = (None, None, None);
        }
        if !self.acts(Setting::Samples, strategy) {
            only.samples = None;
        }
        if !self.acts(Setting::LengthsOf, strategy) {
            only.lengths_of = None;
        }
        if !self.acts(Setting::Queries, strategy) {
            (only.sets.query_embeddings, only.sets.round_robin) = (Vec::new(), false);
        }
        if !self.reads_vectors(strategy) {
            only.sets.embeddings = None;
        }
        Ok(only)
    }

    /// The shape for one of several strategies, with shrinkage if that changes its score.
    pub fn shape_of(&self, strategy: &dyn Strategy) -> ShapeSettings {
        let shrinkage = self.shape.shrinkage.filter(|_| self.acts(Setting::Shrinkage, strategy));
        ShapeSettings { shrinkage, ..self.shape.clone() }
    }

    /// Which end of its score one of several strategies keeps, if settings say which and the strategy has two ends.
    pub fn direction_of(&self, strategy: &dyn Strategy) -> Option<Direction> {
        let takes_turns = self.sets.round_robin && self.acts(Setting::Queries, strategy);
        let direction = self.direction.filter(|_| self.acts(Setting::Direction, strategy) && !takes_turns);
        direction.map(Direction::from)
    }

    /// Whether choosing by a strategy looks at vectors of rows.
    pub fn reads_vectors(&self, strategy: &dyn Strategy) -> bool {
        self.sets.diversity.is_some() || self.acts(Setting::Queries, strategy)
    }

    /// The files that are read, and what they are.
    pub fn files(&self) -> Vec<(&'static str, &Path)> {
        let ratings = self.ratings.iter().map(|path| ("the ratings", path.as_path()));
        let vectors = self.sets.embeddings.iter().map(|path| ("the embeddings", path.as_path()));
        let queries =
            self.sets.query_embeddings.iter().map(|path| ("the queries' embeddings", path.as_path()));
        let samples = self.samples.iter().map(|path| ("the samples", path.as_path()));
        ratings.chain(samples).chain(vectors).chain(queries).collect()
    }

    /// The budget; everything that is good enough, if there is a least rating and no budget.
    ///
    /// # Errors
    /// If the budget cannot be read, or if there is neither a budget nor a least rating.
    pub fn budget(&self) -> Result<Budget> {
        match (&self.budget, self.min_rating) {
            (Some(text), _) => text.parse().context("the budget of the selection"),
            (None, Some(_)) => Ok(Budget::Fraction(1.0)),
            (None, None) => {
                bail!(
                    Settings,
                    "expected a budget, found none; give `--budget`, as in `6%`, `3000`, or `2Mtok`"
                )
            }
        }
    }
}

/// A strategy by its name.
fn named(name: &str) -> Result<&'static dyn Strategy> {
    let found = strategies::named(name).map_err(|unknown| Error::Settings(unknown.to_string()));
    found.with_context(|| format!("strategy `{name}`"))
}

#[cfg(test)]
mod tests;
