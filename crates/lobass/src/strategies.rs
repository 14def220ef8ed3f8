//! The strategies, described.

use std::fmt;

use lobass_core::Direction;
use lobass_select::StrategyInfo;
use lobass_select::strategies::all;
use serde::Serialize;

/// The description of a strategy.
#[derive(Debug, Clone, Serialize)]
pub struct StrategyRecord {
    /// Its name.
    pub name: &'static str,
    /// Other names that mean the same.
    pub other_names: &'static [&'static str],
    /// The end of the score that it keeps: `descending` keeps high scores.
    pub direction: String,
    /// Its needs beside rows, such as `base` and `reference`.
    pub needs: Vec<String>,
    /// The formula of its score.
    pub score: &'static str,
    /// The publication or the reason that it comes from.
    pub source: &'static str,
}

/// Every strategy that lobass ships.
pub fn strategies() -> Vec<StrategyRecord> {
    all().iter().map(|strategy| StrategyRecord::of(&strategy.info())).collect()
}

impl StrategyRecord {
    fn of(info: &StrategyInfo) -> Self {
        Self {
            name: info.name,
            other_names: info.other_names,
            direction: info.direction.to_string(),
            needs: info.needs.iter().map(ToString::to_string).collect(),
            score: info.score,
            source: info.source,
        }
    }
}

impl fmt::Display for StrategyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keeps = if self.direction == Direction::Descending.to_string() { "high" } else { "low" };
        let also = match self.other_names {
            [] => String::new(),
            names => format!(" (also {})", names.join(", ")),
        };
        let needs = if self.needs.is_empty() { "nothing".to_owned() } else { self.needs.join(" and ") };
        writeln!(f, "{:22} keeps {keeps:5} {}{also}", self.name, self.score)?;
        write!(f, "{:22} needs {needs}; {}", "", self.source)
    }
}
