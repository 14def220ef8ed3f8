//! Every rule with its name, its threshold, and where it comes from.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`RuleInfo::finds` says what each finds")]
pub enum Rule {
    RepeatedLines,
    RepeatedPhrase,
    RepeatedPassages,
    Refusal,
    SelfReference,
    MissingInput,
    EmptyAnswer,
    Placeholder,
    TemplateMarker,
    Language,
    BrokenCharacters,
    Symbols,
    Echo,
    WebBoilerplate,
    Truncated,
}

/// The description of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleInfo {
    /// Its name.
    pub name: &'static str,
    /// The responses that it finds.
    pub finds: &'static str,
    /// Whether it is on by default.
    pub on: bool,
    /// Its threshold by default.
    pub threshold: f64,
    /// The least and the greatest threshold that it can have.
    pub thresholds: (f64, f64),
    /// The meaning of the threshold.
    pub meaning: &'static str,
    /// The paper or tool that it is taken from, or where what it finds is known from.
    pub source: &'static str,
}

/// The thresholds of rules that have none.
const NONE: (f64, f64) = (0.0, 0.0);

impl Rule {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::RepeatedLines,
        Self::RepeatedPhrase,
        Self::RepeatedPassages,
        Self::Refusal,
        Self::SelfReference,
        Self::MissingInput,
        Self::EmptyAnswer,
        Self::Placeholder,
        Self::TemplateMarker,
        Self::Language,
        Self::BrokenCharacters,
        Self::Symbols,
        Self::Echo,
        Self::WebBoilerplate,
        Self::Truncated,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The description of the rule.
    pub fn info(self) -> &'static RuleInfo {
        &CATALOG[self as usize]
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|rule| rule.name() == text).ok_or_else(|| Error::UnknownRule {
            name: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

const GOPHER: &str = "Gopher, arXiv 2112.11446, table A1";
const ALPACA: &str = "the faults of Alpaca's data that AlpacaDataCleaned lists";

/// In the order of [`Rule::ALL`].
const CATALOG: [RuleInfo; Rule::ALL.len()] = [
    RuleInfo {
        name: "repeated-lines",
        finds: "repeated lines make up too much of the response",
        on: true,
        threshold: 0.3,
        thresholds: (0.0, 1.0),
        meaning: "largest share of repeated lines; for their share of the text, two thirds of that",
        source: GOPHER,
    },
    RuleInfo {
        name: "repeated-phrase",
        finds: "one phrase of 2, 3, or 4 words makes up too much of the response",
        on: true,
        threshold: 0.2,
        thresholds: (0.0, 1.0),
        meaning: "largest share of a long text for two words; 0.9 of that for three words, 0.8 for four",
        source: GOPHER,
    },
    RuleInfo {
        name: "repeated-passages",
        finds: "repeated passages of 8 to 10 words make up too much of the response",
        on: true,
        threshold: 0.12,
        thresholds: (0.0, 1.0),
        meaning: "largest share of a long text for repeated runs of 8 words; a twelfth less for each further word",
        source: GOPHER,
    },
    RuleInfo {
        name: "refusal",
        finds: "the response begins with a refusal",
        on: true,
        threshold: 12.0,
        thresholds: (0.0, 1e9),
        meaning: "number of first words in which the refusing sentence has to begin",
        source: "`optional_clean.py` of ShareGPT_Vicuna_unfiltered, `wizardlm_clean.py` of WizardLM's unfiltered data",
    },
    RuleInfo {
        name: "self-reference",
        finds: "the response speaks of itself as an AI, a model, or its training data, unasked",
        on: true,
        threshold: 0.0,
        thresholds: NONE,
        meaning: "none",
        source: "`optional_clean.py` of ShareGPT_Vicuna_unfiltered, `wizardlm_clean.py` of WizardLM's unfiltered data",
    },
    RuleInfo {
        name: "missing-input",
        finds: "a short response asks for an input, or says that there is none",
        on: true,
        threshold: 60.0,
        thresholds: (0.0, 1e9),
        meaning: "most words of a short response",
        source: ALPACA,
    },
    RuleInfo {
        name: "empty-answer",
        finds: "the response is `N/A`, `<nooutput>`, or the like, or has no visible character",
        on: true,
        threshold: 0.0,
        thresholds: NONE,
        meaning: "none",
        source: ALPACA,
    },
    RuleInfo {
        name: "placeholder",
        finds: "the response contains `[Your Name]`, `lorem ipsum`, `TODO`, or the like, unasked",
        on: true,
        threshold: 0.0,
        thresholds: (0.0, 1e9),
        meaning: "placeholders that are allowed",
        source: "`lorem ipsum`: C4, arXiv 1910.10683, section 2.2; the others are ours",
    },
    RuleInfo {
        name: "template-marker",
        finds: "the response contains markers of a prompt template, such as `### Instruction:`, or the next instruction",
        on: true,
        threshold: 0.0,
        thresholds: NONE,
        meaning: "none",
        source: "the chat templates of Alpaca, ChatML, Llama 2 and 3, Gemma, Vicuna, and Zephyr; `merged instructions` in \
                 AlpacaDataCleaned",
    },
    RuleInfo {
        name: "language",
        finds: "the response is in another script or language than its prompt, which does not ask for that",
        on: true,
        threshold: 80.0,
        thresholds: (20.0, 1e9),
        meaning: "least letters of a response whose language is checked; for another script, a quarter of that",
        source: "detection by trigrams with whatlang; filtering by language as in C4, arXiv 1910.10683",
    },
    RuleInfo {
        name: "broken-characters",
        finds: "the response contains control characters, replacement characters, wrongly decoded text, or HTML entities",
        on: true,
        threshold: 0.0,
        thresholds: (0.0, 1e9),
        meaning: "such places that are allowed",
        source: "`extraneous escape or control characters` in AlpacaDataCleaned",
    },
    RuleInfo {
        name: "symbols",
        finds: "letters and digits make up too little of the response, and the prompt asks for no symbols",
        on: true,
        threshold: 0.4,
        thresholds: (0.0, 1.0),
        meaning: "least share of letters and digits among characters other than spaces",
        source: "after the symbols-to-words ratio of Gopher, arXiv 2112.11446, section A.1.1; the number is ours",
    },
    RuleInfo {
        name: "echo",
        finds: "the response begins with the whole prompt, or is its input unchanged although a change was asked for",
        on: true,
        threshold: 6.0,
        thresholds: (1.0, 1e9),
        meaning: "least words of a prompt that is checked",
        source: "ours",
    },
    RuleInfo {
        name: "web-boilerplate",
        finds: "the response contains messages of web pages to browsers: cookies, JavaScript, rights reserved, unasked",
        on: true,
        threshold: 0.0,
        thresholds: NONE,
        meaning: "none",
        source: "C4, arXiv 1910.10683, section 2.2",
    },
    RuleInfo {
        name: "truncated",
        finds: "the response ends without punctuation that ends a sentence",
        on: false,
        threshold: 30.0,
        thresholds: (1.0, 1e9),
        meaning: "least words of a response that is checked",
        source: "after the lines that C4, arXiv 1910.10683, keeps; of little confidence, so off by default",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_in_order_and_names_are_read_again() {
        for (at, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, at);
            assert_eq!(rule.name().parse::<Rule>(), Ok(rule));
            let spelt: String = format!("{rule:?}")
                .chars()
                .flat_map(|c| match c.is_uppercase() {
                    true => format!("-{}", c.to_lowercase()).chars().collect::<Vec<_>>(),
                    false => vec![c],
                })
                .collect();
            assert_eq!(spelt[1..], *rule.name());
            let info = rule.info();
            assert!((info.thresholds.0..=info.thresholds.1).contains(&info.threshold), "{rule}");
        }
        assert!(
            "refusals".parse::<Rule>().unwrap_err().to_string().contains("repeated-lines, repeated-phrase")
        );
    }
}
