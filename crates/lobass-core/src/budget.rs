//! How much of a pool to keep.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How much to keep: a share of the pool, a number of rows, or a number of tokens.
///
/// Written `6%`, `3000`, or `2Mtok` (also `500ktok`, `1200tok`, `1.5Gtok`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// A share of all rows of the pool, in (0, 1]; rows that could not be scored count in the whole.
    Fraction(f64),
    /// A number of rows, at least 1.
    Rows(u64),
    /// A number of tokens of whole sequences, prompt included: what a trainer will read.
    Tokens(u64),
}

/// A text that is not a budget.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a budget such as `6%`, `3000`, or `2Mtok`, found `{found}`: {reason}")]
pub struct BudgetError {
    /// The text.
    pub found: String,
    /// The reason.
    pub reason: &'static str,
}

impl Budget {
    /// The number of rows a row budget or a share means in a pool of `n_rows`; `None` for a token budget.
    ///
    /// A share is rounded to the nearest row, and is never less than one row of a pool that has any.
    pub fn row_limit(self, n_rows: u64) -> Option<u64> {
        match self {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rounded, in [0, n_rows]"
            )]
            Self::Fraction(share) => Some(((share * n_rows as f64).round() as u64).max(1).min(n_rows)),
            Self::Rows(rows) => Some(rows),
            Self::Tokens(_) => None,
        }
    }
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| BudgetError { found: text.to_owned(), reason };
        let trimmed = text.trim();
        if let Some(percent) = trimmed.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| fail("the share is not a number"))?;
            return if percent > 0.0 && percent <= 100.0 {
                Ok(Self::Fraction(percent / 100.0))
            } else {
                Err(fail("the share must be above 0% and at most 100%"))
            };
        }
        if let Some(tokens) = trimmed.strip_suffix("tok") {
            return tokens_from(tokens.trim()).map(Self::Tokens).map_err(fail);
        }
        if trimmed.starts_with('-') {
            return Err(fail("it must be above 0"));
        }
        match trimmed.replace('_', "").parse::<u64>() {
            Ok(0) => Err(fail("a budget of 0 rows keeps nothing")),
            Ok(rows) => Ok(Self::Rows(rows)),
            Err(_) => Err(fail(
                "it is not a whole number of rows, a share such as `6%`, or a number of tokens such as `2Mtok`",
            )),
        }
    }
}

fn tokens_from(text: &str) -> Result<u64, &'static str> {
    let (number, unit) = match text.strip_suffix(['k', 'M', 'G']) {
        Some(number) if text.ends_with('k') => (number, 1e3),
        Some(number) if text.ends_with('M') => (number, 1e6),
        Some(number) => (number, 1e9),
        None => (text, 1.0),
    };
    let number: f64 = number.trim().parse().map_err(|_| "the token count is not a number")?;
    let tokens = (number * unit).round();
    if tokens.is_nan() || tokens < 1.0 {
        return Err("the token count must be at least 1");
    }
    // Above 2^53 a float no longer counts tokens one by one.
    if tokens > 9_007_199_254_740_992.0 {
        return Err("the token count must be at most 9,007,199 Gtok");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number in [1, 2^53]"
    )]
    Ok(tokens as u64)
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Through a decimal of 12 places, since 0.07 * 100 is 7.000000000000001.
            Self::Fraction(share) => write!(f, "{}%", (share * 1e14).round() / 1e12),
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Tokens(tokens) => write!(f, "{tokens}tok"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_kinds_parse() {
        assert_eq!("6%".parse(), Ok(Budget::Fraction(0.06)));
        assert_eq!("3000".parse(), Ok(Budget::Rows(3000)));
        assert_eq!("3_000".parse(), Ok(Budget::Rows(3000)));
        assert_eq!("2Mtok".parse(), Ok(Budget::Tokens(2_000_000)));
        assert_eq!("1.5 ktok".parse(), Ok(Budget::Tokens(1500)));
        assert_eq!("12tok".parse(), Ok(Budget::Tokens(12)));
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for text in
            ["", "0", "-3", "0%", "101%", "NaN%", "x%", "0.06", "tok", "0tok", "-1tok", "NaNtok", "6 percent"]
        {
            let error = text.parse::<Budget>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn a_share_is_of_the_whole_pool() {
        assert_eq!(Budget::Fraction(0.06).row_limit(52_002), Some(3120));
        assert_eq!(Budget::Fraction(0.0001).row_limit(100), Some(1));
        assert_eq!(Budget::Fraction(0.5).row_limit(0), Some(0));
        assert_eq!(Budget::Tokens(5).row_limit(100), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_back(percent in 1u32..=10_000, rows in 1u64..1 << 60, tokens in 1u64..1 << 53) {
            let text = format!("{}%", f64::from(percent) / 100.0);
            let share: Budget = text.parse().unwrap();
            prop_assert_eq!(share.to_string(), text);
            for budget in [share, Budget::Rows(rows), Budget::Tokens(tokens)] {
                prop_assert_eq!(budget.to_string().parse::<Budget>().unwrap(), budget);
            }
        }

        #[test]
        fn a_share_never_exceeds_the_pool(share in 1e-9f64..=1.0, n_rows in 0u64..1 << 40) {
            prop_assert!(Budget::Fraction(share).row_limit(n_rows).unwrap() <= n_rows);
        }
    }
}
