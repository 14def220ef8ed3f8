//! Strategies as they are asked for: a name, and the end of its score.

use lobass_core::Direction;
use lobass_evidence::pairs::{PairSubset, ScoreEnd};
use lobass_select::{Choice, Need, Strategy};

use crate::error::{Result, bail};
use crate::settings::SelectSettings;

/// A strategy, and the end of its score that is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) strategy: &'static dyn Strategy,
    /// `None` for the strategy's own.
    pub(super) end: Option<ScoreEnd>,
}

impl Wanted {
    /// Reads `NAME`, `NAME:low`, `NAME:middle`, or `NAME:high`.
    ///
    /// # Errors
    /// If there is no such strategy or end, or the strategy reads more than losses of pairs.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (name, end) = match text.split_once(':') {
            None => (text, None),
            Some((name, word)) => {
                let Some(end) = ScoreEnd::ALL.into_iter().find(|end| end.as_str() == word) else {
                    bail!(
                        Settings,
                        "strategy `{text}`: expected the end `low`, `middle`, or `high`, found `{word}`"
                    );
                };
                (name, Some(end))
            }
        };
        let strategy = SelectSettings::default().strategy(name)?;
        let info = strategy.info();
        let is_of_pairs = |need: &Need| matches!(need, Need::Base | Need::Reference | Need::Pair);
        if let Some(need) = info.needs.iter().find(|need| !is_of_pairs(need)) {
            bail!(
                Settings,
                "strategy `{name}`: expected one that reads lengths or losses of pairs under the base and a model that was \
                 trained on pairs, found one that reads {need}"
            );
        }
        if end.is_some() && (info.reads_keys || !matches!(strategy.choice(), Choice::Ranks)) {
            bail!(
                Settings,
                "strategy `{text}`: expected a strategy with a score that has ends, found `{name}`"
            );
        }
        let own = match info.direction {
            Direction::Ascending => ScoreEnd::Low,
            Direction::Descending => ScoreEnd::High,
        };
        Ok(Self { strategy, end: end.filter(|end| *end != own) })
    }

    /// The end that a request names; `None` for the strategy's own, and for the middle, which is a score by itself.
    pub(super) fn direction(&self) -> Option<Direction> {
        match self.end {
            Some(ScoreEnd::Low) => Some(Direction::Ascending),
            Some(ScoreEnd::High) => Some(Direction::Descending),
            Some(ScoreEnd::Middle) | None => None,
        }
    }

    /// Whether it reads losses under a model that was trained on pairs.
    pub(super) fn needs_margins(&self) -> bool {
        self.strategy.info().needs.contains(&Need::Reference)
    }

    pub(super) fn subset(&self) -> PairSubset {
        PairSubset::Selection { strategy: self.strategy.name().to_owned(), end: self.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_by_name() {
        let name = |text: &str| Wanted::parse(text).unwrap().subset().to_string();
        assert_eq!(
            ["reward-margin", "reward-margin:high", "reward-margin:low", "longest:middle", "random"]
                .map(name),
            ["reward-margin", "reward-margin", "reward-margin:low", "longest:middle", "random"]
        );
        let fails = |text: &str| Wanted::parse(text).unwrap_err().chain();
        assert!(fails("reward-margin:top").contains("`low`, `middle`, or `high`"));
        assert!(fails("random:low").contains("ends"));
        assert!(fails("ifd").contains("without the prompt"));
        assert!(fails("rewardmargin").contains("reward-margin"));
    }
}
