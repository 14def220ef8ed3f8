//! Whether settings of a selection mean something together.

use lobass_select::{Need, Setting, Strategy, strategies};

use super::{DirectionWord, SelectSettings};
use crate::error::{Error, Result, bail};
use crate::faults::Faults;
use crate::settings::Responses;

impl SelectSettings {
    /// Checks what can be checked before anything is computed: that every setting means something to at least one of the
    /// strategies, and contradicts none.
    ///
    /// # Errors
    /// Every fault that is found.
    pub fn check<'a>(&self, strategies: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut faults = Faults::default();
        let names: Vec<&str> = strategies.into_iter().collect();
        let known: Vec<&dyn Strategy> =
            names.iter().filter_map(|name| faults.take(self.strategy(name))).map(|one| one as _).collect();
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
    fn check_needs(&self, strategies: &[&dyn Strategy]) -> Result<()> {
        let that_needs = |need| strategies.iter().find(|strategy| strategy.info().needs.contains(&need));
        let has_rating = self.rating.is_some() || self.ratings.is_some();
        if let Some(strategy) = that_needs(Need::Rating).filter(|_| !has_rating) {
            bail!(
                Settings,
                "strategy `{strategy}`: expected ratings, found none; name their column with `--rating`, or their file \
                 with `--ratings`"
            );
        }
        if let Some(strategy) = that_needs(Need::Samples).filter(|_| self.samples.is_none()) {
            bail!(
                Settings,
                "strategy `{strategy}`: expected samples of the rows, found none; draw them with `lobass generate --base .. \
                 --model ..`, and name their file with `--samples`"
            );
        }
        let has_queries = self.sets.embeddings.is_some() && !self.sets.query_embeddings.is_empty();
        if let Some(strategy) = that_needs(Need::Queries).filter(|_| !has_queries) {
            bail!(
                Settings,
                "strategy `{strategy}`: expected vectors of the pool and of queries; give `--embeddings FILE` and \
                 `--query-embeddings FILE`"
            );
        }
        Ok(())
    }

    /// Refuses settings that no strategy takes, and those that contradict one.
    fn check_effects(&self, strategies: &[&dyn Strategy]) -> Result<()> {
        let names = || strategies.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        for (flag, setting) in self.given() {
            if !strategies.iter().any(|strategy| self.acts(setting, *strategy)) {
                bail!(Settings, "`{flag}` only applies to {}, found {}", taken_by(setting), names());
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
            if let Some(one) = strategies.iter().find(|one| is_given && !self.acts(setting, **one)) {
                bail!(Settings, "strategy `{one}` already {does}; it cannot be combined with {flag}");
            }
        }
        if self.direction.is_some() && !strategies.iter().any(|one| self.direction_of(*one).is_some()) {
            bail!(
                Settings,
                "`--round-robin` takes rows from tasks in turn; it cannot be combined with `--ascending` or `--descending`"
            );
        }
        if self.sets.embeddings.is_some() && !strategies.iter().any(|one| self.reads_vectors(*one)) {
            bail!(
                Settings,
                "`--embeddings` only applies to `--diversity` and to {}",
                taken_by(Setting::Queries)
            );
        }
        Ok(())
    }

    /// The flags that are given and mean nothing to some strategies.
    fn given(&self) -> impl Iterator<Item = (&'static str, Setting)> {
        let direction = match self.direction {
            Some(DirectionWord::Ascending) => "--ascending",
            _ => "--descending",
        };
        [
            (self.rating.is_some(), "--rating", Setting::Ratings),
            (self.ratings.is_some(), "--ratings", Setting::Ratings),
            (self.min_rating.is_some(), "--min-rating", Setting::Ratings),
            (self.samples.is_some(), "--samples", Setting::Samples),
            (self.lengths_of.is_some(), "--lengths-of", Setting::LengthsOf),
            (self.shape.shrinkage.is_some(), "--shrinkage", Setting::Shrinkage),
            (self.direction.is_some(), direction, Setting::Direction),
            (!self.sets.query_embeddings.is_empty(), "--query-embeddings", Setting::Queries),
            (self.sets.round_robin, "--round-robin", Setting::Queries),
        ]
        .into_iter()
        .filter(|(is_given, ..)| *is_given)
        .map(|(_, flag, setting)| (flag, setting))
    }

    /// Without a budget all rows that are rated well enough are kept, which says nothing to other strategies.
    fn check_budget(&self, strategies: &[&dyn Strategy]) -> Result<()> {
        self.budget()?;
        let unrated = strategies.iter().find(|strategy| !self.acts(Setting::Ratings, **strategy));
        match (unrated, &self.budget) {
            (Some(strategy), None) => bail!(
                Settings,
                "strategy `{strategy}`: expected `--budget`; without one, `--min-rating` says how much to keep, of {} \
                 only",
                names_of(Setting::Ratings)
            ),
            _ => Ok(()),
        }
    }
}

/// The strategies that a setting acts on by itself, in words.
fn taken_by(setting: Setting) -> String {
    match setting {
        Setting::Direction => "strategies that keep one end of a score".to_owned(),
        _ => format!("the strategy {}", names_of(setting)),
    }
}

/// The names of the strategies that a setting acts on by itself.
fn names_of(setting: Setting) -> String {
    let all = strategies::all().iter().filter(|strategy| setting.acts_on(**strategy, None));
    all.map(|strategy| format!("`{strategy}`")).collect::<Vec<_>>().join(" or ")
}
