//! A held-out pair, and how a model sees it.

use serde::{Deserialize, Serialize};

use crate::Ratio;

/// Responses count as equally long if their lengths differ by at most this share of the longer one.
pub const LENGTHS_MATCH: f64 = 0.1;

/// A held-out pair of a chosen and a rejected response, and its losses under the model that training starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutPair {
    /// The source, as a place in a list of names.
    pub source: usize,
    /// Scored tokens of the chosen response.
    pub n_chosen: u64,
    /// Scored tokens of the rejected response.
    pub n_rejected: u64,
    /// The summed losses of the chosen and of the rejected response, in nats.
    pub base: [f64; 2],
}

/// A held-out pair under a trained model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairOutcome {
    /// The summed losses of the chosen and of the rejected response, in nats.
    pub losses: [f64; 2],
    /// The margin of the objective, divided by its beta: of DPO, the difference of log-ratios in nats.
    pub margin: f64,
    /// The loss of the objective.
    pub loss: f64,
}

/// A number of a held-out pair under a model. Its mean over pairs, or its ratio of sums, is a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairMeasure {
    /// The share of pairs whose margin is above 0; a margin of 0 counts one half.
    Accuracy,
    /// The margin over beta.
    Margin,
    /// The loss of the objective.
    Loss,
    /// The log-probability of the chosen response relative to the base's, in nats a pair.
    Chosen,
    /// The log-probability of the rejected response relative to the base's, in nats a pair.
    Rejected,
    /// Of pairs whose responses have different lengths, the share with a preferred response that is the longer one.
    Longer,
    /// The accuracy on pairs whose responses are [equally long](LENGTHS_MATCH).
    LengthMatched,
    /// The loss of the chosen response, in nats per scored token.
    Sft,
}

impl PairMeasure {
    /// All measures.
    pub const ALL: [Self; 8] = [
        Self::Accuracy,
        Self::Margin,
        Self::Loss,
        Self::Chosen,
        Self::Rejected,
        Self::Longer,
        Self::LengthMatched,
        Self::Sft,
    ];

    /// Whether it is a sum over tokens, so that its mean over sources with unlike lengths says little.
    pub fn grows_with_length(self) -> bool {
        matches!(self, Self::Margin | Self::Chosen | Self::Rejected)
    }

    /// The numerator and the denominator of a pair; `None` if the measure leaves the pair out.
    pub fn of(self, pair: &HeldOutPair, outcome: &PairOutcome) -> Option<Ratio> {
        let mean = |sum: f64| Some(Ratio { sum, count: 1.0 });
        match self {
            Self::Accuracy => mean(preference(outcome.margin)),
            Self::Margin => mean(outcome.margin),
            Self::Loss => mean(outcome.loss),
            Self::Chosen => mean(pair.base[0] - outcome.losses[0]),
            Self::Rejected => mean(pair.base[1] - outcome.losses[1]),
            Self::Longer => {
                let right = preference(outcome.margin);
                pair.chosen_is_longer().and_then(|longer| mean(if longer { right } else { 1.0 - right }))
            }
            Self::LengthMatched => mean(preference(outcome.margin)).filter(|_| pair.lengths_match()),
            Self::Sft => Some(Ratio { sum: outcome.losses[0], count: pair.n_chosen as f64 }),
        }
    }
}

impl HeldOutPair {
    /// Whether the chosen response is the longer one; `None` if both have one length.
    pub fn chosen_is_longer(&self) -> Option<bool> {
        (self.n_chosen != self.n_rejected).then_some(self.n_chosen > self.n_rejected)
    }

    /// Whether both responses have nearly one length.
    pub fn lengths_match(&self) -> bool {
        let longer = self.n_chosen.max(self.n_rejected);
        self.n_chosen.abs_diff(self.n_rejected) as f64 <= LENGTHS_MATCH * longer as f64
    }

    /// The accuracy of preferring the longer response: 1, 0, or one half for equal lengths.
    pub fn longer_is_right(&self) -> f64 {
        self.chosen_is_longer().map_or(0.5, |longer| f64::from(u8::from(longer)))
    }
}

/// 1 above 0, 0 below, and one half for 0.
fn preference(margin: f64) -> f64 {
    match margin.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Less) => 0.0,
        _ => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(measure: PairMeasure, lengths: (u64, u64), margin: f64) -> Option<f64> {
        let pair = HeldOutPair { source: 0, n_chosen: lengths.0, n_rejected: lengths.1, base: [6.0, 9.0] };
        let outcome = PairOutcome { losses: [5.0, 11.0], margin, loss: 0.5 };
        measure.of(&pair, &outcome).map(|ratio| ratio.sum / ratio.count)
    }

    #[test]
    fn measures_by_hand() {
        use PairMeasure::{Accuracy, Chosen, LengthMatched, Longer, Loss, Margin, Rejected, Sft};
        assert_eq!([-0.1, 0.0, 2.0].map(|margin| of(Accuracy, (4, 8), margin)), [0.0, 0.5, 1.0].map(Some));
        assert_eq!(of(Margin, (4, 8), 3.0), Some(3.0));
        assert_eq!(of(Loss, (4, 8), 3.0), Some(0.5));
        // Log-probabilities: -5 after -6, and -11 after -9.
        assert_eq!((of(Chosen, (4, 8), 3.0), of(Rejected, (4, 8), 3.0)), (Some(1.0), Some(-2.0)));
        assert_eq!(of(Sft, (4, 8), 3.0), Some(1.25));
        // The chosen response is the shorter one, so preferring it is not preferring the longer one.
        assert_eq!(
            [(4, 8), (8, 4), (4, 4)].map(|lengths| of(Longer, lengths, 3.0)),
            [Some(0.0), Some(1.0), None]
        );
        assert_eq!(of(Longer, (8, 4), 0.0), Some(0.5));
        assert_eq!(
            [(9, 10), (8, 10), (10, 10)].map(|lengths| of(LengthMatched, lengths, 3.0)),
            [Some(1.0), None, Some(1.0)]
        );
    }

    proptest! {
        #[test]
        fn swapped_sides_turn_preferences_around(margin in -3f64..3.0, chosen in 1u64..9, rejected in 1u64..9) {
            let measures = [PairMeasure::Accuracy, PairMeasure::LengthMatched];
            for measure in measures {
                let (one, other) = (of(measure, (chosen, rejected), margin), of(measure, (rejected, chosen), -margin));
                prop_assert_eq!(one.map(|one| 1.0 - one), other);
            }
            // Which of two responses is preferred does not depend on what they are called.
            let longer = |lengths, margin| of(PairMeasure::Longer, lengths, margin);
            prop_assert_eq!(longer((chosen, rejected), margin), longer((rejected, chosen), -margin));
        }
    }
}
