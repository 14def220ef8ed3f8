//! Answers that a model decodes or draws after the prompts of held-out examples, and whether they are right.

use lobass_core::{Prompt, Sampling, SamplingEngine as _, Sequence};
use lobass_data::TextTokenizer;
use lobass_evidence::Answered;
use lobass_generate::Generator;
use lobass_model::{Decoder, DeviceName};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result, bail};
use crate::settings::ComputeSettings;

/// The pattern of GSM8K: a number behind `####`.
const GSM8K: &str = r"####\s*(-?[0-9][0-9.,]*)";

/// How answers are asked for and found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerSettings {
    /// `gsm8k`, or a regular expression. The last match counts, and of a match the first group if there is one.
    pub pattern: String,
    /// Answers that are drawn at temperature 1 beside the most likely one.
    pub samples: u32,
    /// The most tokens of an answer.
    pub max_new_tokens: u32,
}

impl AnswerSettings {
    /// Refuses a pattern that cannot be read, and models that cannot answer.
    ///
    /// # Errors
    /// If the pattern is no regular expression, or models are not whole on the processor.
    pub(super) fn check(&self, compute: &ComputeSettings) -> Result<()> {
        self.regex()?;
        if compute.device != DeviceName::default().to_string() || compute.memory.is_some() {
            bail!(
                Settings,
                "answers are decoded on the device `cpu`, with whole models in memory; leave out `--device` and `--memory`"
            );
        }
        Ok(())
    }

    /// The pattern.
    ///
    /// # Errors
    /// If it is no regular expression.
    pub(super) fn regex(&self) -> Result<Regex> {
        let pattern = if self.pattern == "gsm8k" { GSM8K } else { &self.pattern };
        Regex::new(pattern).map_err(|error| Error::Settings(format!("the pattern of answers: {error}")))
    }
}

/// What is asked of every model of a comparison.
pub(super) struct Questions {
    settings: AnswerSettings,
    regex: Regex,
    stop_ids: Vec<u32>,
    tokenizer: TextTokenizer,
    /// For each held-out example: its name, its prompt, and its answer if the pattern finds one.
    asked: Vec<(String, Vec<u32>, Option<String>)>,
}

impl Questions {
    /// The questions of held-out examples. An answer ends at a token of `stop_ids`.
    ///
    /// # Errors
    /// If the pattern is no regular expression, or finds an answer in no demonstration.
    pub(super) fn new(
        settings: &AnswerSettings,
        sequences: &[Sequence],
        tokenizer: TextTokenizer,
        stop_ids: Vec<u32>,
    ) -> Result<Self> {
        let regex = settings.regex()?;
        let ask = |(at, sequence): (usize, &Sequence)| {
            let shown = tokenizer.decode(sequence.demonstration()).unwrap_or_default();
            (at.to_string(), sequence.prompt().to_vec(), answer_in(&regex, &shown))
        };
        let asked: Vec<_> = sequences.iter().enumerate().map(ask).collect();
        if asked.iter().all(|(.., answer)| answer.is_none()) {
            bail!(
                Comparison,
                "the pattern of answers: expected it to find an answer in a held-out response, found none with `{}`",
                settings.pattern
            );
        }
        Ok(Self { settings: settings.clone(), regex, stop_ids, tokenizer, asked })
    }

    /// Everything that answers to the held-out examples depend on, apart from the model.
    pub(super) fn decides(&self) -> Value {
        json!({ "settings": self.settings, "stop_ids": self.stop_ids })
    }

    /// What a model answers to each example: nothing where the right answer is not known.
    ///
    /// # Errors
    /// If the model cannot draw samples where it is.
    pub(super) fn answered(&self, model: Decoder, threads: usize) -> Result<Vec<Option<Answered>>> {
        let fail = |error: lobass_generate::Error| Error::Comparison(format!("answers: {error}"));
        let generator = Generator::new(model, threads).map_err(fail)?;
        let known = || self.asked.iter().filter(|(.., answer)| answer.is_some());
        let prompts: Vec<Prompt<'_>> = known().map(|(key, ids, _)| Prompt { key, ids }).collect();
        let greedy = self.sampling(1, 0.0);
        let decoded = generator.samples(&prompts, &greedy).map_err(fail)?;
        let drawn = match self.settings.samples {
            0 => None,
            samples => Some(generator.samples(&prompts, &self.sampling(samples, 1.0)).map_err(fail)?),
        };
        let share = |samples: &[lobass_core::Sample], right: &str| {
            let n_right = samples.iter().filter(|sample| self.is_right(&sample.ids, right)).count();
            n_right as f64 / samples.len().max(1) as f64
        };
        let mut found = vec![None; self.asked.len()];
        let places = (0..self.asked.len()).filter(|&at| self.asked[at].2.is_some());
        for (place, at) in places.enumerate() {
            let right = self.asked[at].2.as_deref().unwrap_or_default();
            let sampled = drawn.as_ref().map(|drawn| share(&drawn[place], right));
            found[at] = Some(Answered { greedy: share(&decoded[place], right), sampled });
        }
        Ok(found)
    }

    fn sampling(&self, samples: u32, temperature: f64) -> Sampling {
        let (max_new_tokens, stop_ids) = (self.settings.max_new_tokens, self.stop_ids.clone());
        Sampling { samples, temperature, top_p: 1.0, max_new_tokens, seed: 0, stop_ids }
    }

    fn is_right(&self, ids: &[u32], right: &str) -> bool {
        let text = self.tokenizer.decode(ids).unwrap_or_default();
        answer_in(&self.regex, &text).is_some_and(|answer| is_same(&answer, right))
    }
}

/// The last match of a pattern in a text, or its first group, without white space around it.
fn answer_in(regex: &Regex, text: &str) -> Option<String> {
    let found = regex.captures_iter(text).last()?;
    let answer = found.get(1).or_else(|| found.get(0))?.as_str().trim();
    (!answer.is_empty()).then(|| answer.to_owned())
}

/// Whether two answers are the same number, or else the same text.
fn is_same(one: &str, other: &str) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A number that may have commas between thousands, and a point at its end.
fn number(text: &str) -> Option<f64> {
    text.replace(',', "").trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_is_the_answer() {
        let regex = |pattern: &str| {
            AnswerSettings { pattern: pattern.to_owned(), samples: 0, max_new_tokens: 8 }.regex().unwrap()
        };
        let gsm8k = |text: &str| answer_in(&regex("gsm8k"), text);
        assert_eq!(gsm8k("2 + 2 = 4\n#### 1,204."), Some("1,204.".to_owned()));
        assert_eq!(gsm8k("#### 3 .. no, #### -7"), Some("-7".to_owned()));
        assert_eq!(gsm8k("four"), None);
        assert_eq!(answer_in(&regex("[A-D]"), "not A, but C"), Some("C".to_owned()));
        assert!(is_same("1,204.", "1204") && is_same("2.50", "2.5") && is_same("C", "C"));
        assert!(!is_same("12", "120") && !is_same("C", "D"));
    }
}
