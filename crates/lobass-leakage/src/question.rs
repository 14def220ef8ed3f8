//! A question with several options.

use std::fmt;

use serde::Serialize;

/// A question of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// The options, in the order of the benchmark.
    pub options: Vec<String>,
    /// Its subject, if the file names one.
    pub subject: Option<String>,
}

/// Why a question cannot be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionFault {
    /// The question or an option has no text.
    Empty,
    /// All options are the same.
    SameOptions,
    /// Fewer than three options.
    TooFewOptions,
    /// More orders than may be scored; see [`orders`](crate::orders).
    TooManyOrders,
    /// The tokens do not fit the model.
    TooLong,
    /// A model gives no finite probability.
    NotFinite,
}

impl fmt::Display for QuestionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "without text",
            Self::SameOptions => "same options",
            Self::TooFewOptions => "fewer than 3 options",
            Self::TooManyOrders => "too many orders",
            Self::TooLong => "too long",
            Self::NotFinite => "not finite",
        })
    }
}

/// Phrases of options that speak of other options, in lower case.
const REFERENCES: [&str; 14] = [
    "all of the above",
    "none of the above",
    "all the above",
    "none of these",
    "all of these",
    "both a and",
    "both b and",
    "both c and",
    "neither a nor",
    "a and b",
    "b and c",
    "以上都",
    "以上皆",
    "以上均",
];

impl Question {
    /// Why the orders of its options say nothing, whatever the model.
    ///
    /// # Errors
    /// The first fault that it has.
    pub fn check(&self) -> Result<(), QuestionFault> {
        if self.text.trim().is_empty() || self.options.iter().any(|option| option.trim().is_empty()) {
            return Err(QuestionFault::Empty);
        }
        if self.options.len() < 3 {
            return Err(QuestionFault::TooFewOptions);
        }
        if self.options.iter().all(|option| *option == self.options[0]) {
            return Err(QuestionFault::SameOptions);
        }
        Ok(())
    }

    /// Whether an option speaks of other options, so that it has a natural place: "none of the above".
    pub fn refers(&self) -> bool {
        let refers = |option: &String| {
            let option = option.to_lowercase();
            REFERENCES.iter().any(|phrase| option.contains(phrase))
        };
        self.options.iter().any(refers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(options: &[&str]) -> Question {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Question { text: "Which?".to_owned(), options, subject: None }
    }

    #[test]
    fn what_orders_cannot_test_has_a_fault() {
        assert_eq!(question(&["1", "2", "3"]).check(), Ok(()));
        assert_eq!(question(&["1", "1", "2"]).check(), Ok(()));
        assert_eq!(question(&["1", "1", "1"]).check(), Err(QuestionFault::SameOptions));
        assert_eq!(question(&["1", "2"]).check(), Err(QuestionFault::TooFewOptions));
        assert_eq!(question(&["1", " ", "2"]).check(), Err(QuestionFault::Empty));
        let silent = Question { text: "\n".to_owned(), ..question(&["1", "2", "3"]) };
        assert_eq!(silent.check(), Err(QuestionFault::Empty));
    }

    #[test]
    fn options_that_speak_of_others_are_noticed() {
        for option in ["None of the above.", "All of these", "Both A and C", "以上都不对"] {
            assert!(question(&["1", "2", option]).refers(), "{option}");
        }
        assert!(!question(&["above", "all", "a band"]).refers());
    }
}
