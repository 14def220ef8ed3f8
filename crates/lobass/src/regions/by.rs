//! What regions go by.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What decides the region of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The source.
    Source,
    /// The scored tokens, in bins.
    Length,
    /// The tokens of the whole sequence, in bins.
    Tokens,
    /// The status: whole, cut, or with a token on the border of the response.
    Status,
    /// The fold of cross-fitted references.
    Fold,
    /// The cluster of the row's vector.
    Clusters,
    /// A column of losses of the score table, in bins of nats per scored token, or else a field of the data.
    Column(String),
    /// A field of the data, also if the score table has a column of that name.
    Field(String),
}

impl FromStr for By {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "source" => Self::Source,
            "length" | "n_scored" => Self::Length,
            "n_tokens" => Self::Tokens,
            "status" => Self::Status,
            "fold" => Self::Fold,
            "clusters" => Self::Clusters,
            _ => match text.strip_prefix("field:") {
                Some(field) => Self::Field(field.to_owned()),
                None => Self::Column(text.to_owned()),
            },
        })
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Source => "source",
            Self::Length => "length",
            Self::Tokens => "n_tokens",
            Self::Status => "status",
            Self::Fold => "fold",
            Self::Clusters => "clusters",
            Self::Column(name) => name,
            Self::Field(name) => return write!(f, "field:{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back() {
        for text in
            ["source", "length", "n_tokens", "status", "fold", "clusters", "topic", "base_nll", "field:fold"]
        {
            assert_eq!(text.parse::<By>().unwrap_or_else(|never| match never {}).to_string(), text);
        }
        assert_eq!("n_scored".parse(), Ok(By::Length));
    }
}
