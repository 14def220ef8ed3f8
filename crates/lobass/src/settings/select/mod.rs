//! What is kept of a pool.

use std::path::{Path, PathBuf};

use lobass_core::{Budget, Direction};
use lobass_select::{Need, Setting, Strategy};
use serde::{Deserialize, Serialize};

use super::spelled::Spelled;
use super::{Responses, SetSettings, ShapeSettings};
use crate::error::{Context as _, Error, Result, bail};
use crate::faults::Faults;

/// How much is kept, and of what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectSettings {
    pub strategies: Vec<String>,
    pub budget: Option<String>,
    pub seed: u64,
    pub rating: Option<String>,
    /// A file with the ratings, if they are not in the data.
    pub ratings: Option<PathBuf>,
    pub min_rating: Option<f64>,
    pub direction: Option<DirectionWord>,
    /// The strategy whose lengths `length-matched-random` has.
    pub lengths_of: Option<String>,
    pub shape: ShapeSettings,
    pub sets: SetSettings,
}

/// A direction in a config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DirectionWord {
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
    /// The strategy of a name with its settings, still without what comes from the data.
    pub fn strategy(&self, name: &str) -> Result<Strategy> {
        let parse = |name: &str| {
            Strategy::from_name(name).map_err(Error::Settings).with_context(|| format!("strategy `{name}`"))
        };
        match (parse(name)?, &self.lengths_of) {
            (Strategy::LengthMatchedRandom(_), Some(other)) => {
                let other = parse(other).context("`--lengths-of`")?;
                if !other.has_lengths() {
                    bail!(
                        Settings,
                        "`--lengths-of` needs a strategy computed from loss sums or lengths, found `{other}`"
                    );
                }
                Ok(Strategy::LengthMatchedRandom(Box::new(other)))
            }
            (strategy, _) => Ok(strategy),
        }
    }

    /// Checks what can be checked before anything is computed: that every setting means something to at least one of the
    /// strategies, and contradicts none.
    pub fn check<'a>(&self, strategies: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut faults = Faults::default();
        let names: Vec<&str> = strategies.into_iter().collect();
        let known: Vec<Strategy> = names.iter().filter_map(|name| faults.take(self.strategy(name))).collect();
        if let Some(at) = (0..known.len()).find(|&at| known[..at].contains(&known[at])) {
            faults.add(Error::Settings(format!("strategy `{}` is given twice", known[at])));
        }
        // What strategies take is known once all of them are.
        if known.len() == names.len() {
            faults.take(self.check_effects(&known));
            faults.take(self.check_needs(&known));
            faults.take(self.check_budget(&known));
        } else {
            faults.take(self.budget());
        }
        faults.take(self.shape.check());
        faults.take(self.sets.check());
        faults.end()
    }

    /// Refuses strategies without what they need.
    fn check_needs(&self, strategies: &[Strategy]) -> Result<()> {
        let has_rating = self.rating.is_some() || self.ratings.is_some();
        let needs = |need| strategies.iter().any(|strategy| strategy.info().needs.contains(&need));
        if needs(Need::Rating) && !has_rating {
            bail!(
                Settings,
                "strategy `quality`: expected ratings, found none; name their column with `--rating`, or their file \
                 with `--ratings`"
            );
        }
        if needs(Need::Queries) && (self.sets.embeddings.is_none() || self.sets.query_embeddings.is_empty()) {
            bail!(
                Settings,
                "strategy `rds`: expected vectors of the pool and of queries; give `--embeddings FILE` and \
                 `--query-embeddings FILE`"
            );
        }
        Ok(())
    }

    /// Refuses settings that no strategy takes, and those that contradict one.
    fn check_effects(&self, strategies: &[Strategy]) -> Result<()> {
        let names = || strategies.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        for (flag, setting, applies) in self.given() {
            if !strategies.iter().any(|strategy| strategy.takes(setting)) {
                bail!(Settings, "`{flag}` only applies to {applies}, found {}", names());
            }
        }
        let contradicts = [
            (self.sets.diversity.is_some(), Setting::Diversity, "`--diversity`", "picks a set of rows"),
            (
                self.shape.responses == Some(Responses::All),
                Setting::AllResponses,
                "`--responses all`",
                "keeps one response to each prompt",
            ),
        ];
        for (is_given, setting, flag, does) in contradicts {
            if let Some(one) = strategies.iter().find(|one| is_given && !one.takes(setting)) {
                bail!(Settings, "strategy `{one}` already {does}; it cannot be combined with {flag}");
            }
        }
        let is_turned = |strategy: &Strategy| self.direction_of(strategy).is_some();
        if self.direction.is_some() && !strategies.iter().any(is_turned) {
            bail!(
                Settings,
                "`--round-robin` takes rows from tasks in turn; it cannot be combined with `--ascending` or `--descending`"
            );
        }
        if self.sets.embeddings.is_some()
            && self.sets.diversity.is_none()
            && !strategies.iter().any(|strategy| strategy.takes(Setting::Queries))
        {
            bail!(Settings, "`--embeddings` only applies to `--diversity` and to the strategy `rds`");
        }
        Ok(())
    }

    /// The flags that are given and mean nothing to some strategies, and what they apply to.
    fn given(&self) -> impl Iterator<Item = (&'static str, Setting, &'static str)> {
        let quality = "the strategy `quality`";
        let direction = match self.direction {
            Some(DirectionWord::Ascending) => "--ascending",
            _ => "--descending",
        };
        [
            (self.rating.is_some(), "--rating", Setting::Ratings, quality),
            (self.ratings.is_some(), "--ratings", Setting::Ratings, quality),
            (self.min_rating.is_some(), "--min-rating", Setting::Ratings, quality),
            (
                self.lengths_of.is_some(),
                "--lengths-of",
                Setting::LengthsOf,
                "the strategy `length-matched-random`",
            ),
            (self.shape.shrinkage.is_some(), "--shrinkage", Setting::Shrinkage, "the strategy `lobass`"),
            (
                self.direction.is_some(),
                direction,
                Setting::Direction,
                "strategies that keep one end of a score",
            ),
            (
                !self.sets.query_embeddings.is_empty(),
                "--query-embeddings",
                Setting::Queries,
                "the strategy `rds`",
            ),
            (self.sets.round_robin, "--round-robin", Setting::Queries, "the strategy `rds`"),
        ]
        .into_iter()
        .filter(|(is_given, ..)| *is_given)
        .map(|(_, flag, setting, applies)| (flag, setting, applies))
    }

    /// Without a budget all rows that are rated well enough are kept, which says nothing to other strategies.
    fn check_budget(&self, strategies: &[Strategy]) -> Result<()> {
        self.budget()?;
        let unrated = strategies.iter().find(|strategy| !strategy.takes(Setting::Ratings));
        match (unrated, &self.budget) {
            (Some(strategy), None) => bail!(
                Settings,
                "strategy `{strategy}`: expected `--budget`; without one, `--min-rating` says how much to keep, of \
                 `quality` only"
            ),
            _ => Ok(()),
        }
    }

    /// Whether a strategy needs something.
    pub fn needs(&self, need: Need) -> Result<bool> {
        let needs = |name: &String| {
            Ok::<_, Error>(match self.strategy(name)? {
                Strategy::LengthMatchedRandom(other) => other.info().needs.contains(&need),
                strategy => strategy.info().needs.contains(&need),
            })
        };
        Ok(self.strategies.iter().map(needs).collect::<Result<Vec<bool>>>()?.contains(&true))
    }

    /// What is said on the command line beside the budget and the seed.
    pub fn spelled(&self) -> String {
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
    pub fn only(&self, name: &str) -> Result<Self> {
        let strategy = self.strategy(name)?;
        let mut only = Self {
            strategies: vec![name.to_owned()],
            shape: self.shape_of(&strategy),
            direction: self.direction.filter(|_| self.direction_of(&strategy).is_some()),
            ..self.clone()
        };
        if !strategy.takes(Setting::Ratings) {
            (only.rating, only.ratings, only.min_rating) = (None, None, None);
        }
        if !strategy.takes(Setting::LengthsOf) {
            only.lengths_of = None;
        }
        if !strategy.takes(Setting::Queries) {
            (only.sets.query_embeddings, only.sets.round_robin) = (Vec::new(), false);
        }
        if !self.reads_vectors(name)? {
            only.sets.embeddings = None;
        }
        Ok(only)
    }

    /// The shape for one of several strategies: shrinkage changes the score of lobass, and is nothing to the others.
    pub fn shape_of(&self, strategy: &Strategy) -> ShapeSettings {
        let shrinkage = self.shape.shrinkage.filter(|_| strategy.takes(Setting::Shrinkage));
        ShapeSettings { shrinkage, ..self.shape.clone() }
    }

    /// Which end is kept by one of several strategies, if it was asked for and the strategy has another one.
    pub fn direction_of(&self, strategy: &Strategy) -> Option<Direction> {
        let takes_turns = self.sets.round_robin && strategy.takes(Setting::Queries);
        let direction = self.direction.filter(|_| strategy.takes(Setting::Direction) && !takes_turns);
        direction.map(Direction::from)
    }

    /// Whether choosing by a strategy looks at vectors of rows.
    pub fn reads_vectors(&self, name: &str) -> Result<bool> {
        Ok(self.sets.diversity.is_some() || matches!(self.strategy(name)?, Strategy::Rds(_)))
    }

    /// The files that are read, and what they are.
    pub fn files(&self) -> Vec<(&'static str, &Path)> {
        let ratings = self.ratings.iter().map(|path| ("the ratings", path.as_path()));
        let vectors = self.sets.embeddings.iter().map(|path| ("the embeddings", path.as_path()));
        let queries =
            self.sets.query_embeddings.iter().map(|path| ("the queries' embeddings", path.as_path()));
        ratings.chain(vectors).chain(queries).collect()
    }

    /// The budget; everything that is good enough, if there is a least rating and no budget.
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

#[cfg(test)]
mod tests;
