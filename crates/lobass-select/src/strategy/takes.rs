//! Which settings of a selection mean something to which strategy.

use super::{Need, Strategy};

/// A setting that changes what some strategies choose, and does nothing to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Which end of the score is kept.
    Direction,
    /// Nats in the denominator of the score.
    Shrinkage,
    /// Ratings of rows, and the least that is good enough.
    Ratings,
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
    pub const ALL: [Self; 7] = [
        Self::Direction,
        Self::Shrinkage,
        Self::Ratings,
        Self::LengthsOf,
        Self::Queries,
        Self::Diversity,
        Self::AllResponses,
    ];
}

impl Strategy {
    /// Whether a setting can change what the strategy chooses.
    pub fn takes(&self, setting: Setting) -> bool {
        match setting {
            // Equal shares of clusters have no other end.
            Setting::Direction => !matches!(self, Self::S2l(_)),
            Setting::Shrinkage => match self {
                Self::LengthMatchedRandom(other) => other.takes(setting),
                strategy => *strategy == Self::Lobass,
            },
            Setting::Ratings => matches!(self, Self::Quality(_)),
            Setting::LengthsOf => matches!(self, Self::LengthMatchedRandom(_)),
            Setting::Queries => matches!(self, Self::Rds(_)),
            // These choose a set by themselves.
            Setting::Diversity => !matches!(self, Self::S2l(_) | Self::LengthMatchedRandom(_)),
            Setting::AllResponses => !self.info().needs.contains(&Need::Prompts),
        }
    }

    /// Whether [`Strategy::LengthMatchedRandom`] can draw its lengths: its score is computed from sums of losses or from
    /// lengths alone.
    pub fn has_lengths(&self) -> bool {
        !matches!(
            self,
            Self::LengthMatchedRandom(_)
                | Self::Quality(_)
                | Self::SelectiveIfd(_)
                | Self::Grape
                | Self::Lark(_)
                | Self::S2l(_)
                | Self::Rds(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which settings act on which strategy; `.` is one without effect.
    const TABLE: &str = "\
        lobass                D S . . . V A
        gap                   D . . . . V A
        gap-sum               D . . . . V A
        reward-margin         D . . . . V A
        perplexity-low        D . . . . V A
        perplexity-middle     D . . . . V A
        perplexity-high       D . . . . V A
        grape                 D . . . . V .
        ifd                   D . . . . V A
        ifd-perplexity        D . . . . V A
        s-ifd                 D . . . . V A
        pvi                   D . . . . V A
        lark                  D . . . . V .
        s2l                   . . . . . . A
        rds                   D . . . Q V A
        quality               D . R . . V A
        longest               D . . . . V A
        length-matched-random D S . L . . A
        random                D . . . . V A";

    #[test]
    fn every_strategy_and_every_setting() {
        let all = Strategy::all();
        assert_eq!(TABLE.lines().count(), all.len());
        for line in TABLE.lines() {
            let mut words = line.split_whitespace();
            let strategy = Strategy::from_name(words.next().unwrap()).unwrap();
            for (setting, mark) in Setting::ALL.into_iter().zip(words) {
                assert_eq!(strategy.takes(setting), mark != ".", "{strategy} and {setting:?}");
            }
        }
        let of_gap = Strategy::LengthMatchedRandom(Box::new(Strategy::Gap));
        assert!(!of_gap.takes(Setting::Shrinkage), "shrinkage changes no score of `gap`");
    }
}
