//! Shares of parts by their names.

use std::str::FromStr;

use thiserror::Error;

use super::Strata;

/// Shares of parts of a pool by name, as in `gsm8k=1,alpaca=30%`; a percent sign changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedShares(Vec<(String, f64)>);

/// An error in shares.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SharesError {
    /// An entry has no share.
    #[error("shares: expected `NAME=SHARE,..`, found `{entry}`")]
    Entry {
        /// The entry.
        entry: String,
    },
    /// A share is not a number of at least 0.
    #[error("shares: expected a number of at least 0 for `{name}`, found `{found}`")]
    Number {
        /// The part.
        name: String,
        /// Its share.
        found: String,
    },
    /// A part has two shares.
    #[error("shares: expected one share for `{name}`, found two, {first} and {second}")]
    Twice {
        /// The part.
        name: String,
        /// Its first share.
        first: f64,
        /// Its second share.
        second: f64,
    },
    /// Nothing would be kept.
    #[error("shares: expected at least one above 0, found none")]
    Nothing,
    /// The pool has no such part.
    #[error("shares: expected one of {known}, found `{name}`")]
    Unknown {
        /// The part.
        name: String,
        /// The parts that there are.
        known: String,
    },
}

/// So many names are listed where one is wrong.
const MAX_NAMES: usize = 20;

impl FromStr for NamedShares {
    type Err = SharesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut shares: Vec<(String, f64)> = Vec::new();
        for entry in text.split(',') {
            // A name may have an equals sign in it, a share has none.
            let (name, share) =
                entry.rsplit_once('=').ok_or_else(|| SharesError::Entry { entry: entry.to_owned() })?;
            let (name, found) = (name.trim().to_owned(), share.trim().to_owned());
            let number = found.trim_end_matches('%').trim_end().parse().ok();
            let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
            let Some(second) = number else { return Err(SharesError::Number { name, found }) };
            if let Some(&(_, first)) = shares.iter().find(|(other, _)| *other == name) {
                return Err(SharesError::Twice { name, first, second });
            }
            shares.push((name, second));
        }
        if shares.iter().all(|(_, share)| *share == 0.0) {
            return Err(SharesError::Nothing);
        }
        Ok(Self(shares))
    }
}

impl NamedShares {
    /// The share of each part, 0 for those without one.
    ///
    /// # Errors
    /// [`SharesError::Unknown`] for a name that no part has.
    pub fn of(&self, strata: &Strata) -> Result<Vec<f64>, SharesError> {
        let mut weights = vec![0.0; strata.names.len()];
        for (name, share) in &self.0 {
            let Some(part) = strata.names.iter().position(|other| other == name) else {
                return Err(SharesError::Unknown { name: name.clone(), known: listed(&strata.names) });
            };
            weights[part] = *share;
        }
        Ok(weights)
    }
}

/// Some names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let strata = Strata::of_values(["gsm8k", "a=b", "c", ""]);
        let of = |text: &str| text.parse::<NamedShares>().and_then(|shares| shares.of(&strata));
        // In the order of the names: the empty one, `a=b`, `c`, and `gsm8k`.
        assert_eq!(of("gsm8k=1, a=b=30%"), Ok(vec![0.0, 30.0, 0.0, 1.0]));
        assert_eq!(of("=2,c=0"), Ok(vec![2.0, 0.0, 0.0, 0.0]));
        let cases = [
            ("gsm8k", "expected `NAME=SHARE,..`, found `gsm8k`"),
            ("gsm8k=1,", "expected `NAME=SHARE,..`, found ``"),
            ("gsm8k=x", "at least 0 for `gsm8k`, found `x`"),
            ("gsm8k=-1", "found `-1`"),
            ("gsm8k=inf", "found `inf`"),
            ("gsm8k=0,c=0", "at least one above 0"),
            ("c=1,c=0,gsm8k=1", "one share for `c`, found two, 1 and 0"),
            ("c=1, c =1", "one share for `c`, found two, 1 and 1"),
            ("other=1", "expected one of ``, `a=b`, `c`, `gsm8k`, found `other`"),
        ];
        for (text, expected) in cases {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn many_names_are_not_all_listed() {
        let names: Vec<String> = (0..300).map(|n| format!("part-{n:03}")).collect();
        let strata = Strata::of_values(names.iter().map(String::as_str));
        let error = "x=1".parse::<NamedShares>().unwrap().of(&strata).unwrap_err().to_string();
        assert!(error.contains("and 280 more, found `x`"), "{error}");
    }
}
