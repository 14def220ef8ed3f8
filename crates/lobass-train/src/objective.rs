//! Training objectives: the loss of a batch as a function of the losses of its sequences.

use lobass_core::Sequence;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A training objective and its data.
#[derive(Debug, Clone, Copy)]
pub enum Objective<'a> {
    /// Supervised fine-tuning: the mean loss over all scored tokens of a batch, in nats.
    Sft(&'a [Sequence]),
    /// Preference optimization: the mean over the pairs of a batch of `-log sigmoid(margin)`.
    Preference(&'a [Pair], Dpo),
}

/// A chosen and a rejected response to one prompt, and their losses under the model that training starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Prompt and chosen response; the response is scored.
    pub chosen: Sequence,
    /// Prompt and rejected response; the response is scored.
    pub rejected: Sequence,
    /// Summed over the scored tokens of the chosen response, in nats: `-log pi_ref(y_w | x)`.
    pub reference_chosen: f64,
    /// Summed over the scored tokens of the rejected response, in nats: `-log pi_ref(y_l | x)`.
    pub reference_rejected: f64,
}

/// Direct preference optimization.
///
/// The margin of a pair is `beta (r(chosen) - r(rejected))`, where `r = log pi(y | x) - log pi_ref(y | x)`.
///
/// Source: Rafailov et al., 2023 (arXiv 2305.18290), eq. 7; `sigmoid` loss of TRL's `DPOTrainer`. The normalized
/// form is that of DavIR (arXiv 2310.13008 v2), which divides each `r` by `|log pi_ref(y | x)|`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dpo {
    /// The factor of margins.
    pub beta: f64,
    /// Whether each log-ratio is divided by the reference's own log-probability.
    pub normalized: bool,
}

impl Dpo {
    /// The loss of a pair, its margin, and the derivatives of the loss with respect to the summed losses of chosen
    /// and rejected response.
    pub fn loss(self, pair: &Pair, chosen: f64, rejected: f64) -> PairLoss {
        self.loss_of([pair.reference_chosen, pair.reference_rejected], [chosen, rejected])
    }

    /// The same from the summed losses alone, in nats: of the chosen and of the rejected response, under the model that
    /// training starts from and under the model in training.
    pub fn loss_of(self, reference: [f64; 2], losses: [f64; 2]) -> PairLoss {
        let norm = |reference: f64| if self.normalized { reference.abs() } else { 1.0 };
        let [of_chosen, of_rejected] = reference.map(norm);
        let ratio_chosen = (reference[0] - losses[0]) / of_chosen;
        let ratio_rejected = (reference[1] - losses[1]) / of_rejected;
        let margin = self.beta * (ratio_chosen - ratio_rejected);
        let loss = (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
        let slope = 1.0 / (1.0 + margin.exp()); // sigmoid(-margin) = -d loss / d margin
        PairLoss {
            loss,
            margin,
            d_chosen: slope * self.beta / of_chosen,
            d_rejected: -slope * self.beta / of_rejected,
        }
    }
}

/// The result of [`Dpo::loss`] for a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairLoss {
    /// `-log sigmoid(margin)`.
    pub loss: f64,
    /// The difference of implicit rewards.
    pub margin: f64,
    /// With respect to the summed loss of the chosen response.
    pub d_chosen: f64,
    /// With respect to the summed loss of the rejected response.
    pub d_rejected: f64,
}

impl Objective<'_> {
    /// The number of examples: sequences, or pairs.
    pub fn len(&self) -> usize {
        match self {
            Self::Sft(sequences) => sequences.len(),
            Self::Preference(pairs, _) => pairs.len(),
        }
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first example alone.
    pub(crate) fn first(&self) -> Self {
        match *self {
            Self::Sft(sequences) => Self::Sft(&sequences[..sequences.len().min(1)]),
            Self::Preference(pairs, dpo) => Self::Preference(&pairs[..pairs.len().min(1)], dpo),
        }
    }

    /// The sequences of an example: one, or chosen and rejected.
    pub(crate) fn sequences(&self, example: usize) -> Vec<&Sequence> {
        match self {
            Self::Sft(sequences) => vec![&sequences[example]],
            Self::Preference(pairs, _) => vec![&pairs[example].chosen, &pairs[example].rejected],
        }
    }

    pub(crate) fn n_tokens(&self, example: usize) -> usize {
        self.sequences(example).iter().map(|sequence| sequence.n_tokens()).sum()
    }

    /// The divisor of the summed loss of a batch: its scored tokens, or its pairs.
    pub(crate) fn n_terms(&self, batch: &[usize]) -> usize {
        match self {
            Self::Sft(sequences) => batch.iter().map(|&at| sequences[at].n_scored()).sum(),
            Self::Preference(..) => batch.len(),
        }
    }

    /// Checks that every example has a loss, and one that training can follow.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_empty() {
            return Err(Error::NoExamples);
        }
        for example in 0..self.len() {
            if self.sequences(example).iter().any(|sequence| sequence.n_scored() == 0) {
                return Err(Error::NothingScored { example });
            }
            if let Self::Preference(pairs, dpo) = self {
                let Pair { reference_chosen, reference_rejected, .. } = pairs[example];
                for loss in [reference_chosen, reference_rejected] {
                    if !loss.is_finite() || dpo.normalized && loss == 0.0 {
                        return Err(Error::ReferenceLoss { example, loss });
                    }
                }
            }
        }
        if let Self::Preference(_, Dpo { beta, .. }) = self
            && !(*beta > 0.0 && beta.is_finite())
        {
            let (expected, found) = ("a finite number above 0", beta.to_string());
            return Err(Error::Recipe { field: "beta", expected, found });
        }
        Ok(())
    }
}
