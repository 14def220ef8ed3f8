//! Rules as one types them.

use std::fmt;
use std::str::FromStr;

use super::{Rule, Rules};
use crate::Error;

impl FromStr for Rules {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let only_changes = words.iter().all(|word| word.starts_with(['+', '-']));
        let mut rules = if only_changes { Self::default() } else { Self::none() };
        for word in words {
            rules.apply(word)?;
        }
        Ok(rules)
    }
}

/// The names of the rules that are on, with thresholds that are not the default ones; parses to the same rules.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |rule: Rule| match self.threshold(rule) {
            threshold if threshold == rule.info().threshold => rule.name().to_owned(),
            threshold => format!("{}={threshold}", rule.name()),
        };
        let names: Vec<String> = self.on().map(name).collect();
        f.write_str(if names.is_empty() { "-all".to_owned() } else { names.join(",") }.as_str())
    }
}

impl Rules {
    fn apply(&mut self, word: &str) -> Result<(), Error> {
        let (word, on) = match word.strip_prefix('-') {
            Some(rest) => (rest, false),
            None => (word.strip_prefix('+').unwrap_or(word), true),
        };
        match word {
            "default" | "all" => {
                for rule in Rule::ALL.into_iter().filter(|rule| word == "all" || rule.info().on) {
                    self.set(rule, on);
                }
            }
            _ => {
                let (name, threshold) = match word.split_once('=') {
                    Some((name, threshold)) => (name.trim(), Some(threshold.trim())),
                    None => (word, None),
                };
                let rule: Rule = name.parse()?;
                self.set(rule, on);
                if let Some(found) = threshold {
                    let number = found.parse().map_err(|_| Error::Threshold {
                        rule: rule.name(),
                        expected: format!("a number ({})", rule.info().meaning),
                        found: found.to_owned(),
                    })?;
                    self.set_threshold(rule, number)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> Vec<&'static str> {
        text.parse::<Rules>().unwrap().on().map(Rule::name).collect()
    }

    #[test]
    fn names_alone_and_changes() {
        assert_eq!(on("refusal, echo"), ["refusal", "echo"]);
        assert_eq!(on(""), Rules::default().on().map(Rule::name).collect::<Vec<_>>());
        assert_eq!(on("all").len(), Rule::ALL.len());
        assert_eq!(on("default,-refusal").len(), Rule::ALL.len() - 2);
        assert_eq!(on("-refusal"), on("default,-refusal"));
        assert_eq!(on("+truncated").len(), Rule::ALL.len());
        assert_eq!(on("all,-default"), ["truncated"]);
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["", "all", "-all", "echo=10,refusal", "symbols=0.25"] {
            let rules: Rules = text.parse().unwrap();
            let again: Rules = rules.to_string().parse().unwrap();
            assert_eq!(again, rules, "{rules}");
        }
        assert_eq!("refusal,echo=10".parse::<Rules>().unwrap().to_string(), "refusal,echo=10");
        assert_eq!(Rules::none().to_string(), "-all");
    }

    #[test]
    fn thresholds_are_set_and_checked() {
        let rules: Rules = "echo=10,symbols=0.5".parse().unwrap();
        assert_eq!((rules.threshold(Rule::Echo), rules.threshold(Rule::Symbols)), (10.0, 0.5));
        assert!(rules.is_on(Rule::Echo) && !rules.is_on(Rule::Refusal));
        for (text, words) in [
            ("ecko", "rule `ecko`: expected one of repeated-lines"),
            ("echo=x", "rule `echo`: expected a number (least words"),
            ("symbols=2", "rule `symbols`: expected a number from 0 to 1"),
            ("symbols=NaN", "found `NaN`"),
            ("self-reference=1", "from 0 to 0"),
        ] {
            let error = text.parse::<Rules>().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
