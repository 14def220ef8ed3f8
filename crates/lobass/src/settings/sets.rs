//! How the rows of a selection differ, or what they are to be like.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spelled::Spelled;
use crate::error::{Result, bail};

/// How the rows of a selection differ, or what they are to be like.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetSettings {
    /// A file with a vector for every row of the pool.
    pub embeddings: Option<PathBuf>,
    /// Files with the vectors of queries, one for each task.
    pub query_embeddings: Vec<PathBuf>,
    /// Whether tasks take rows in turn, instead of the largest cosines.
    pub round_robin: bool,
    /// A way to make the chosen rows differ.
    pub diversity: Option<Diversity>,
    /// So many times as many rows as are kept are chosen from, by rank.
    pub out_of: Option<f64>,
}

/// How rows are to differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Diversity {
    /// A row whose cosine to a row that was taken is above this is skipped.
    Cosine(f32),
    /// The row that is least like those that were taken, again and again.
    KCenter,
    /// The row that makes the taken rows most like the others, again and again.
    FacilityLocation,
}

impl FromStr for Diversity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let cosine = |bound: &str| bound.parse().ok().filter(|bound: &f32| (-1.0..=1.0).contains(bound));
        match (text, text.strip_prefix("cosine:")) {
            ("k-center", _) => Ok(Self::KCenter),
            ("facility-location", _) => Ok(Self::FacilityLocation),
            (_, Some(bound)) => cosine(bound)
                .map(Self::Cosine)
                .ok_or_else(|| format!("expected a cosine of -1 to 1 after `cosine:`, found `{bound}`")),
            _ => Err(format!("expected `cosine:BOUND`, `k-center`, or `facility-location`, found `{text}`")),
        }
    }
}

impl TryFrom<String> for Diversity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Diversity> for String {
    fn from(diversity: Diversity) -> Self {
        diversity.to_string()
    }
}

impl fmt::Display for Diversity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cosine(bound) => write!(f, "cosine:{bound}"),
            Self::KCenter => f.pad("k-center"),
            Self::FacilityLocation => f.pad("facility-location"),
        }
    }
}

impl SetSettings {
    pub(super) fn spell(&self, spelled: &mut Spelled) {
        spelled.path("embeddings", self.embeddings.as_deref());
        spelled.paths("query-embeddings", &self.query_embeddings);
        if self.round_robin {
            spelled.flag("round-robin");
        }
        spelled.value("diversity", self.diversity);
        spelled.value("out-of", self.out_of);
    }

    /// Checks what can be checked before anything is read.
    pub(super) fn check(&self) -> Result<()> {
        if self.diversity.is_some() && self.embeddings.is_none() {
            bail!(Settings, "`--diversity` needs the vectors of the pool: `--embeddings FILE`");
        }
        if self.diversity.is_some() && self.round_robin {
            bail!(
                Settings,
                "`--round-robin` and `--diversity` both choose which rows go together; give one of them"
            );
        }
        match (self.out_of, self.diversity) {
            (Some(times), _) if times < 1.0 || times.is_nan() => {
                bail!(Settings, "`--out-of`: expected at least 1, found {times}")
            }
            (Some(_), None | Some(Diversity::Cosine(_))) => {
                bail!(Settings, "`--out-of` only applies to `--diversity k-center` and `facility-location`")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_differ() {
        for text in ["cosine:0.9", "k-center", "facility-location"] {
            assert_eq!(text.parse::<Diversity>().unwrap().to_string(), text);
        }
        for bad in ["cosine:2", "cosine:x", "cosine", "k-means", ""] {
            assert!(bad.parse::<Diversity>().is_err(), "{bad}");
        }
    }
}
