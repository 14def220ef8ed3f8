//! Every check with its name, what it looks for, and where that comes from.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Error;

/// A check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`CheckInfo::looks_for` says what each looks for")]
pub enum CheckName {
    UnusableRows,
    NotRead,
    Overlong,
    Formatted,
    SpecialTokens,
    StopNotScored,
    DamagedText,
    CutOff,
    SomeThoughts,
    EmptyAnswers,
    Duplicates,
    NearDuplicates,
    EvalOverlap,
}

/// The needs of a check beside the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A tokenizer, and with it the chat template.
    Tokenizer,
    /// A tokenizer, and a maximal length.
    MaximalLength,
    /// Evaluation files.
    Evaluation,
}

/// The description of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckInfo {
    /// Its name.
    pub name: &'static str,
    /// The rows that it looks for.
    pub looks_for: &'static str,
    /// From when on they are a finding.
    pub threshold: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// Its needs.
    pub needs: Needs,
    /// Advice on a finding.
    pub advice: &'static str,
}

impl CheckName {
    /// All of them, in the order in which findings are listed.
    pub const ALL: [Self; 13] = [
        Self::UnusableRows,
        Self::NotRead,
        Self::Overlong,
        Self::Formatted,
        Self::SpecialTokens,
        Self::StopNotScored,
        Self::DamagedText,
        Self::CutOff,
        Self::SomeThoughts,
        Self::EmptyAnswers,
        Self::Duplicates,
        Self::NearDuplicates,
        Self::EvalOverlap,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The description of the check.
    pub fn info(self) -> &'static CheckInfo {
        &CATALOG[self as usize]
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for CheckName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for CheckName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|check| check.name() == text).ok_or_else(|| Error::UnknownCheck {
            name: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

const OURS: &str = "ours";

/// In the order of [`CheckName::ALL`].
const CATALOG: [CheckInfo; CheckName::ALL.len()] = [
    CheckInfo {
        name: "unusable-rows",
        looks_for: "rows that cannot be used: malformed, without a response or a prompt, refused by the chat template",
        threshold: "one row",
        source: "the statuses of a score table",
        needs: Needs::Nothing,
        advice: "correct or remove these rows; they get no score",
    },
    CheckInfo {
        name: "not-read",
        looks_for: "what a row says and no model sees: columns of text, keys of turns; with a tokenizer, thoughts, tools, and \
                    documents that the chat template leaves out",
        threshold: "one row",
        source: "ours",
        needs: Needs::Nothing,
        advice: "name the column with `--columns`, or use a chat template that shows it, if a model should see it",
    },
    CheckInfo {
        name: "overlong",
        looks_for: "rows of more tokens than the maximal length",
        threshold: "one row",
        source: "the status `overlong` of a score table",
        needs: Needs::MaximalLength,
        advice: "raise `--max-length`, cut them with `--overlong truncate`, or let them be left out",
    },
    CheckInfo {
        name: "formatted",
        looks_for: "turns that hold the markers of a chat template, so that they would be formatted twice",
        threshold: "one row",
        source: "the templates of Alpaca, ChatML, Llama, Gemma, Vicuna, Zephyr, and others",
        needs: Needs::Nothing,
        advice: "split the text into turns, or read it with `--chat-template plain`",
    },
    CheckInfo {
        name: "special-tokens",
        looks_for: "turns that hold a special token of the tokenizer as text, which it reads as that token",
        threshold: "one row",
        source: OURS,
        needs: Needs::Tokenizer,
        advice: "remove or rewrite the token where it is only text",
    },
    CheckInfo {
        name: "stop-not-scored",
        looks_for: "responses after which no end marker is scored, so that a model does not learn to stop",
        threshold: "one row",
        source: OURS,
        needs: Needs::Tokenizer,
        advice: "use a chat template that ends responses with a special token of the tokenizer",
    },
    CheckInfo {
        name: "damaged-text",
        looks_for: "replacement characters, control characters, NULs, UTF-8 read as Latin-1, and escapes of half a character",
        threshold: "one row",
        source: "control characters: AlpacaDataCleaned; the others are ours",
        needs: Needs::Nothing,
        advice: "decode the source again, as UTF-8; `lobass select --rules broken-characters` leaves rows out",
    },
    CheckInfo {
        name: "cut-off",
        looks_for: "responses that stop at a generation cap: many of exactly one length, or prose without an end",
        threshold: "1 % of the rows (of prose without an end, 2 %) and 5 rows",
        source: "the rule `truncated` of `lobass quality`; lengths are ours",
        needs: Needs::Nothing,
        advice: "generate these again with a higher limit; `lobass select --rules truncated` leaves such prose out",
    },
    CheckInfo {
        name: "some-thoughts",
        looks_for: "sources in which some responses come with a thought, and others without even an empty one",
        threshold: "one row of each kind",
        source: "Qwen3, arXiv 2505.09388, trains with an empty thought where there is none",
        needs: Needs::Nothing,
        advice: "split the source, or mark rows without a thought, as the model's template does",
    },
    CheckInfo {
        name: "empty-answers",
        looks_for: "responses that say nothing: `N/A`, `<nooutput>`, or nothing that one could see",
        threshold: "one row",
        source: "the rule `empty-answer` of `lobass quality`, after AlpacaDataCleaned",
        needs: Needs::Nothing,
        advice: "`lobass select --rules empty-answer` leaves them out; `lobass quality` has more such rules",
    },
    CheckInfo {
        name: "duplicates",
        looks_for: "rows with exactly the content of an earlier row, in any source",
        threshold: "one row",
        source: "Lee et al., arXiv 2107.06499, on what duplicates do",
        needs: Needs::Nothing,
        advice: "`--duplicates drop` keeps the first of each",
    },
    CheckInfo {
        name: "near-duplicates",
        looks_for: "rows that share most of their three-word shingles with an earlier row, in any source",
        threshold: "1 % of the rows and 5 rows, beside exact duplicates; a Jaccard similarity of 0.8",
        source: "MinHash, Broder 1997; the similarity of Lee et al., arXiv 2107.06499",
        needs: Needs::Nothing,
        advice: "`lobass near-duplicates --out FILE` lists them; `lobass select --near-duplicates` keeps one of each group",
    },
    CheckInfo {
        name: "eval-overlap",
        looks_for: "rows of the evaluation that the pool holds: same prompt, near duplicates, or most runs of 13 words",
        threshold: "one row; half of the runs of 13 words of its prompt or of its response, or a similarity of 0.8",
        source: "GPT-3, arXiv 2005.14165, appendix C (runs of 13 words); Tülu 3, arXiv 2411.15124, section 3.2 (half)",
        needs: Needs::Evaluation,
        advice: "remove the rows of the pool, or leave these rows of the evaluation out",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_in_order_and_names_are_read_again() {
        for (at, check) in CheckName::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, at);
            assert_eq!(check.name().parse::<CheckName>().unwrap(), check);
            let spelt: String = format!("{check:?}")
                .chars()
                .flat_map(|c| match c.is_uppercase() {
                    true => format!("-{}", c.to_lowercase()).chars().collect::<Vec<_>>(),
                    false => vec![c],
                })
                .collect();
            assert_eq!(spelt[1..], *check.name());
        }
        let unknown = "duplicate".parse::<CheckName>().unwrap_err().to_string();
        assert!(unknown.starts_with("check `duplicate`: expected one of unusable-rows, "), "{unknown}");
    }
}
