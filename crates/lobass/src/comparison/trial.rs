//! One training of a comparison: its name and its record.

use lobass_evidence::{Answered, Matching, Outcome};
use serde::{Deserialize, Serialize};

use super::files::TrialResult;
use super::wrong::choice;

/// One training and its measurement, or the measurement of the base without training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) arm: String,
    /// `None` for the base without training.
    pub(super) matching: Option<Matching>,
    /// The distance of its seeds from the first ones.
    pub(super) offset: u64,
}

impl Trial {
    /// The name, which is also the name of its files.
    pub(super) fn id(&self) -> String {
        match self.matching {
            Some(matching) => format!("{}-{matching}-seed{}", self.arm, self.offset),
            None => self.arm.clone(),
        }
    }

    /// The trial in words.
    pub(super) fn say(&self) -> String {
        match self.matching {
            Some(matching) => format!("{}, equal {matching}, seed {}", self.arm, self.offset),
            None => self.arm.clone(),
        }
    }
}

/// The record of a trial that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TrialRecord {
    /// SHA-256 of everything that decides the trial.
    pub(super) identity: String,
    pub(super) n_rows: u64,
    /// Tokens of the selection, counted once.
    pub(super) subset_tokens: u64,
    pub(super) n_steps: u64,
    /// Tokens that were trained on, over all epochs.
    pub(super) n_tokens: u64,
    pub(super) first_loss: Option<f64>,
    pub(super) last_loss: Option<f64>,
    /// The summed loss of each held-out example, in nats.
    pub(super) nll: Vec<f64>,
    /// The scored tokens of each held-out example.
    pub(super) n_scored: Vec<u64>,
    /// The scored tokens of each held-out example that greedy decoding gives.
    pub(super) n_matched: Vec<u64>,
    /// The summed loss of each wrong response to the prompt of each held-out example, in nats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wrong_nll: Vec<Vec<f64>>,
    /// The scored tokens of each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wrong_n_scored: Vec<Vec<u64>>,
    /// Whether the model answers each held-out example rightly, if it was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) answers: Vec<Option<Answered>>,
}

impl TrialResult for TrialRecord {
    fn identity(&self) -> &str {
        &self.identity
    }
}

impl TrialRecord {
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let wrong = |at: usize| {
            let (nll, n_scored) = (self.wrong_nll.get(at)?, self.wrong_n_scored.get(at)?);
            choice((self.nll[at], self.n_scored[at]), nll.iter().copied().zip(n_scored.iter().copied()))
        };
        let numbers = self.nll.iter().zip(&self.n_scored).zip(&self.n_matched).enumerate();
        numbers
            .map(|(at, ((&nll, &n_scored), &n_matched))| Outcome {
                nll,
                n_scored,
                n_matched,
                choice: wrong(at),
                answer: self.answers.get(at).copied().flatten(),
            })
            .collect()
    }

    /// The loss over all held-out examples, in nats per token.
    pub(super) fn mean_loss(&self) -> f64 {
        self.nll.iter().sum::<f64>() / self.n_scored.iter().sum::<u64>() as f64
    }
}
