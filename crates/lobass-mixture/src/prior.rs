//! Where a mixture starts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Source};

/// The shares that the policy starts from and is drawn back to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Prior {
    /// By rows: as a training without a mixture, on average.
    #[default]
    Rows,
    /// By scored tokens.
    Tokens,
    /// The same for each source.
    Even,
    /// By weights, one for each source.
    Named(BTreeMap<String, f64>),
}

impl Prior {
    /// The weight of each source; 0 for a source without rows.
    ///
    /// # Errors
    /// [`Error::Prior`] if a source has no weight, or a weight no source.
    pub fn weights(&self, sources: &[Source]) -> Result<Vec<f64>, Error> {
        let weights: Vec<f64> = match self {
            Self::Rows => sources.iter().map(|source| source.n_rows as f64).collect(),
            Self::Tokens => sources.iter().map(|source| source.n_scored as f64).collect(),
            Self::Even => sources.iter().map(|source| f64::from(u8::from(source.n_rows > 0))).collect(),
            Self::Named(named) => {
                let fault = |expected: &str, name: &str| {
                    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
                    let (expected, name) = (expected.to_owned(), name.to_owned());
                    Error::Prior { expected, name, sources: names.join(", ") }
                };
                if let Some(name) =
                    named.keys().find(|name| sources.iter().all(|source| source.name != **name))
                {
                    return Err(fault("expected names of sources, found", name));
                }
                let of = |source: &Source| match source.n_rows {
                    0 => Ok(0.0),
                    _ => named
                        .get(&source.name)
                        .copied()
                        .ok_or_else(|| fault("expected a weight for", &source.name)),
                };
                sources.iter().map(of).collect::<Result<_, _>>()?
            }
        };
        Ok(weights)
    }
}

impl FromStr for Prior {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rows" => return Ok(Self::Rows),
            "tokens" => return Ok(Self::Tokens),
            "even" => return Ok(Self::Even),
            _ => {}
        }
        let mut named = BTreeMap::new();
        for part in text.split(',') {
            let weight = part.rsplit_once('=').and_then(|(name, weight)| {
                let weight =
                    weight.parse::<f64>().ok().filter(|weight| *weight > 0.0 && weight.is_finite())?;
                Some((name, weight)).filter(|(name, _)| !name.is_empty())
            });
            let Some((name, weight)) = weight else {
                return Err(format!(
                    "expected rows, tokens, even, or a weight above 0 for each source as in `a=1,b=3`, found `{part}`"
                ));
            };
            if named.insert(name.to_owned(), weight).is_some() {
                return Err(format!("expected one weight for each source, found two for `{name}`"));
            }
        }
        Ok(Self::Named(named))
    }
}

impl TryFrom<String> for Prior {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Prior> for String {
    fn from(prior: Prior) -> Self {
        prior.to_string()
    }
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows => f.pad("rows"),
            Self::Tokens => f.pad("tokens"),
            Self::Even => f.pad("even"),
            Self::Named(named) => {
                let parts: Vec<String> =
                    named.iter().map(|(name, weight)| format!("{name}={weight}")).collect();
                f.pad(&parts.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prior_has_one_spelling_and_names_every_source() {
        for text in ["rows", "tokens", "even", "a.jsonl=1,b.jsonl=2.5"] {
            let prior: Prior = text.parse().unwrap();
            assert_eq!(prior.to_string(), text);
            let json = serde_json::to_string(&prior).unwrap();
            assert_eq!(serde_json::from_str::<Prior>(&json).unwrap(), prior);
        }
        for (text, said) in [("many", "`many`"), ("a=0", "`a=0`"), ("a=1,a=2", "two for `a`"), ("=1", "`=1`")]
        {
            assert!(text.parse::<Prior>().unwrap_err().contains(said), "{text}");
        }
        let source = |name: &str, n_rows, n_scored| Source { name: name.to_owned(), n_rows, n_scored };
        let sources = [source("a", 10, 500), source("b", 30, 100)];
        let weights = |text: &str| text.parse::<Prior>().unwrap().weights(&sources);
        assert_eq!(weights("rows").unwrap(), [10.0, 30.0]);
        assert_eq!(weights("tokens").unwrap(), [500.0, 100.0]);
        assert_eq!(weights("b=3,a=1").unwrap(), [1.0, 3.0]);
        let message = weights("a=1").unwrap_err().to_string();
        assert_eq!(message, "the prior: expected a weight for `b`; the sources are a, b");
        let message = weights("a=1,b=1,c=1").unwrap_err().to_string();
        assert_eq!(message, "the prior: expected names of sources, found `c`; the sources are a, b");
    }
}
