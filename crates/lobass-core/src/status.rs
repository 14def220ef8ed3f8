//! The status of a row.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of one input row. Every row has exactly one, and only scored rows have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowStatus {
    /// Scored whole.
    Ok,
    /// Scored whole; a token straddles the border between template text and response.
    Border,
    /// Scored after it was cut to the maximal length.
    Truncated,
    /// Scored, and never selected: the reference was not trained on it, or was trained on such rows only. So its loss
    /// under the reference cannot be compared with the others'.
    HeldOut,
    /// Longer than the maximal length; not scored.
    Overlong,
    /// No response, or an empty one; nothing to score.
    EmptyResponse,
    /// Nothing that the response responds to.
    NoPrompt,
    /// The chat template rejects the row, or hides where the response is.
    TemplateError,
    /// Not readable as an example: bad JSON, a missing field, a field of the wrong type.
    Malformed,
    /// It has images, audio, or video, which lobass does not read: a response to them cannot be judged by its text.
    Media,
    /// It has a token that the model has no embedding for: the tokenizer has more tokens than the model.
    OutOfVocabulary,
    /// A repetition of an earlier row's text, left out on request.
    Duplicate,
    /// Another program computed the losses, and did not give the loss of this row.
    NoLoss,
    /// A model gave a loss that is not a finite number.
    NonFinite,
    /// Its shard was given up: a worker died of it as often as it was tried.
    Quarantined,
}

impl RowStatus {
    /// All statuses, in the order in which summaries list them.
    pub const ALL: [Self; 15] = [
        Self::Ok,
        Self::Border,
        Self::Truncated,
        Self::HeldOut,
        Self::Overlong,
        Self::EmptyResponse,
        Self::NoPrompt,
        Self::TemplateError,
        Self::Malformed,
        Self::Media,
        Self::OutOfVocabulary,
        Self::Duplicate,
        Self::NoLoss,
        Self::NonFinite,
        Self::Quarantined,
    ];

    /// Whether rows of this status have a loss.
    pub fn is_scored(self) -> bool {
        matches!(self, Self::Ok | Self::Border | Self::Truncated | Self::HeldOut)
    }

    /// Whether rows of this status can be selected.
    pub fn is_eligible(self) -> bool {
        self.is_scored() && self != Self::HeldOut
    }

    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Border => "border",
            Self::Truncated => "truncated",
            Self::HeldOut => "held_out",
            Self::Overlong => "overlong",
            Self::EmptyResponse => "empty_response",
            Self::NoPrompt => "no_prompt",
            Self::TemplateError => "template_error",
            Self::Malformed => "malformed",
            Self::Media => "media",
            Self::OutOfVocabulary => "out_of_vocabulary",
            Self::Duplicate => "duplicate",
            Self::NoLoss => "no_loss",
            Self::NonFinite => "non_finite",
            Self::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for RowStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RowStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("expected a row status, found `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_match_serde() {
        for status in RowStatus::ALL {
            assert_eq!(status.as_str().parse::<RowStatus>().unwrap(), status);
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert!("fine".parse::<RowStatus>().is_err());
    }
}
