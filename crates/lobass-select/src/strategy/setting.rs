//! Which settings of a selection mean something to which strategy.

use super::choice::Choice;
use super::definition::Strategy;
use super::need::Need;

/// A setting that changes what some strategies choose, and does nothing to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Which end of the score is kept.
    Direction,
    /// Nats in the denominator of the score.
    Shrinkage,
    /// Ratings of rows, and the least that is good enough.
    Ratings,
    /// Samples after the prompts of rows.
    Samples,
    /// The strategy whose lengths are drawn.
    LengthsOf,
    /// Vectors of queries, and turns of their tasks.
    Queries,
    /// A way to make the chosen rows differ.
    Diversity,
    /// More than one response to a prompt.
    AllResponses,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 8] = [
        Self::Direction,
        Self::Shrinkage,
        Self::Ratings,
        Self::Samples,
        Self::LengthsOf,
        Self::Queries,
        Self::Diversity,
        Self::AllResponses,
    ];

    /// Whether it can change what a strategy chooses.
    ///
    /// - `lengths_of`: the strategy whose lengths are drawn, for one that draws any; its selection is changed too
    pub fn acts_on(self, strategy: &dyn Strategy, lengths_of: Option<&dyn Strategy>) -> bool {
        let (info, choice) = (strategy.info(), strategy.choice());
        let draws_lengths = matches!(choice, Choice::LengthsOf);
        match self {
            // Equal shares of clusters have no other end.
            Self::Direction => !matches!(choice, Choice::Clusters(_)),
            Self::Shrinkage => {
                info.shrinks || draws_lengths && lengths_of.is_some_and(|other| other.info().shrinks)
            }
            Self::Ratings => info.needs.contains(&Need::Rating),
            Self::Samples => info.needs.contains(&Need::Samples),
            Self::LengthsOf => draws_lengths,
            Self::Queries => info.needs.contains(&Need::Queries),
            // The others choose a set by themselves.
            Self::Diversity => matches!(choice, Choice::Ranks),
            Self::AllResponses => !info.needs.contains(&Need::Prompts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::{self, Gap, LengthMatchedRandom, Lobass};

    /// Which settings act on which strategy; `.` is one without effect. The first line is for every other strategy.
    const TABLE: &str = "\
        ..                           D . . . . . V A
        lobass                       D S . . . . V A
        demonstration-advantage      D . . P . . V A
        demonstration-advantage-mean D . . P . . V A
        grape                        D . . . . . V .
        lark                         D . . . . . V .
        s2l                          . . . . . . . A
        rds                          D . . . . Q V A
        quality                      D . R . . . V A
        length-matched-random        D S . . L . . A";

    #[test]
    fn every_strategy_and_every_setting() {
        let line = |name: &str| {
            let words = |line: &'static str| line.split_whitespace();
            let own = TABLE.lines().map(words).find(|words| words.clone().next() == Some(name));
            own.unwrap_or_else(|| words(TABLE.lines().next().unwrap()))
        };
        for &strategy in strategies::all() {
            for (setting, mark) in Setting::ALL.into_iter().zip(line(strategy.name()).skip(1)) {
                let acts = setting.acts_on(strategy, Some(&Lobass));
                assert_eq!(acts, mark != ".", "{strategy} and {setting:?}");
            }
        }
        let acts = Setting::Shrinkage.acts_on(&LengthMatchedRandom, Some(&Gap));
        assert!(!acts, "shrinkage changes no score of `gap`");
    }

    #[test]
    fn lengths_are_those_of_strategies_of_sums() {
        let others: Vec<&str> =
            strategies::all().iter().filter(|one| !one.has_lengths()).map(|one| one.name()).collect();
        let expected = [
            "demonstration-advantage",
            "demonstration-advantage-mean",
            "grape",
            "s-ifd",
            "lark",
            "s2l",
            "rds",
            "quality",
            "length-matched-random",
        ];
        assert_eq!(others, expected);
    }
}
