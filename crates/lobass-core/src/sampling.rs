//! The contract between what asks for samples and what draws them.

use serde::{Deserialize, Serialize};

use crate::Nll;

/// How samples are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Samples of each prompt.
    pub samples: u32,
    /// What logits are divided by; 0 takes the most likely token every time.
    pub temperature: f64,
    /// Tokens are drawn from the most likely ones that together have at least this probability; 1 draws from all.
    pub top_p: f64,
    /// The most tokens of a sample.
    pub max_new_tokens: u32,
    /// The seed of all draws.
    pub seed: u64,
    /// Tokens that end a sample, and belong to it.
    pub stop_ids: Vec<u32>,
}

impl Sampling {
    /// Whether every token is the most likely one.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Whether samples are drawn from the model's own distribution, so that their mean estimates an expectation under it.
    pub fn is_plain(&self) -> bool {
        self.temperature == 1.0 && self.top_p == 1.0
    }

    /// Refuses settings that draw nothing, or the same sample several times.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(format!("temperature: expected 0 or more, found {}", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(format!("top-p: expected above 0 and at most 1, found {}", self.top_p));
        }
        if self.samples == 0 || self.max_new_tokens == 0 {
            let name = if self.samples == 0 { "samples" } else { "new tokens" };
            return Err(format!("{name}: expected at least 1, found 0"));
        }
        if self.is_greedy() && (self.samples > 1 || self.top_p < 1.0) {
            return Err(
                "temperature 0 takes the most likely token: it needs one sample and a top-p of 1".to_owned()
            );
        }
        Ok(())
    }
}

/// What samples continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// The name of the row: part of what every draw depends on.
    pub key: &'a str,
    /// The tokens of the prompt, at least one.
    pub ids: &'a [u32],
}

/// Why a sample is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleEnd {
    /// Its last token is one of [`Sampling::stop_ids`].
    Stop,
    /// It has as many tokens as it may have.
    Limit,
    /// A logit is not a number, so nothing could be drawn.
    NotFinite,
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its tokens, with the one that ended it.
    pub ids: Vec<u32>,
    /// Why it is over.
    pub end: SampleEnd,
    /// Its loss under the model, at temperature 1 over all tokens, whatever it was drawn with.
    pub nll: Nll,
}

impl Sample {
    /// Whether it ended by itself.
    pub fn is_finished(&self) -> bool {
        self.end == SampleEnd::Stop
    }
}

/// Something that draws samples: one model on one device.
///
/// A sample is a function of the model, of how it is drawn, of the prompt and its name, and of the sample's number. It
/// depends on no other prompt, on no other sample, and not on the number of threads.
pub trait SamplingEngine {
    /// The engine's error: a token outside the vocabulary, or a prompt that it cannot continue.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Token ids are below this.
    fn vocab_size(&self) -> usize;

    /// The samples of every prompt, in order.
    ///
    /// # Errors
    /// If a prompt cannot be continued. Nothing is returned then, not even for the others.
    fn samples(&self, prompts: &[Prompt<'_>], sampling: &Sampling) -> Result<Vec<Vec<Sample>>, Self::Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_draws_nothing_is_refused() {
        let good = Sampling {
            samples: 4,
            temperature: 1.0,
            top_p: 0.9,
            max_new_tokens: 8,
            seed: 0,
            stop_ids: vec![2],
        };
        good.check().unwrap();
        let greedy = Sampling { samples: 1, temperature: 0.0, top_p: 1.0, ..good.clone() };
        greedy.check().unwrap();
        assert!(greedy.is_greedy() && !greedy.is_plain() && !good.is_plain());
        let refused = |sampling: Sampling| sampling.check().unwrap_err();
        assert!(refused(Sampling { temperature: -0.5, ..good.clone() }).contains("found -0.5"));
        assert!(refused(Sampling { temperature: f64::NAN, ..good.clone() }).starts_with("temperature"));
        assert!(refused(Sampling { top_p: 0.0, ..good.clone() }).starts_with("top-p"));
        assert!(refused(Sampling { max_new_tokens: 0, ..good }).starts_with("new tokens"));
        assert!(refused(Sampling { samples: 2, ..greedy }).contains("one sample"));
    }
}
