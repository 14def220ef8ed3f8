//! LoBaSS: the share of its loss that a row sheds when the model is fine-tuned.

use lobass_core::{Direction, ModelRole, Numbers};

use super::{Gap, GapSum};
use crate::strategy::{Border, Inputs, Merit, Need, PaperClaim, Problem, Rival, Strategy, StrategyInfo};

/// `(L_base - L_ref) / L_base`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lobass;

/// The claims of arXiv 2310.13008.
const CLAIMS: &[PaperClaim] = &[
    PaperClaim {
        what: "a small share, chosen well, beats all of the data",
        against: Rival::AllRows,
        merit: Merit::Teaches,
    },
    PaperClaim {
        what: "the normalized score beats the unnormalized one, per token",
        against: Rival::Strategy(Gap::NAME),
        merit: Merit::Teaches,
    },
    PaperClaim {
        what: "the normalized score beats the unnormalized one, summed",
        against: Rival::Strategy(GapSum::NAME),
        merit: Merit::Teaches,
    },
    PaperClaim {
        what: "normalizing takes length out of the score, against the sum",
        against: Rival::Strategy(GapSum::NAME),
        merit: Merit::IgnoresLength,
    },
    PaperClaim {
        what: "normalizing takes length out of the score, against the gap per token",
        against: Rival::Strategy(Gap::NAME),
        merit: Merit::IgnoresLength,
    },
];

impl Strategy for Lobass {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            other_names: &["davir"],
            needs: &[Need::Base, Need::Reference],
            by_row: true,
            shrinks: true,
            // Below -1 the loss has more than doubled. Rows that the base knows by heart can be a hundred times lower.
            shown_from: Some(-1.0),
            claims: CLAIMS,
            ..StrategyInfo::new(
                "lobass",
                Direction::Descending,
                "relative loss reduction, (base - reference) / base",
                "LoBaSS / DavIR, arXiv 2310.13008",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (base, reference) = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::REFERENCE));
        let nats = inputs.shrinkage().unwrap_or_default();
        Ok(inputs.each(|row| shrunken(base.get(row)?, reference.get(row)?, nats)))
    }

    fn score_in_words(&self, shrinkage: Option<f64>, _: Option<&dyn Strategy>) -> String {
        match shrinkage {
            Some(nats) => {
                format!("relative loss reduction with shrinkage, (base - reference) / (base + {nats})")
            }
            None => self.info().score.to_owned(),
        }
    }

    fn border(&self, score: f64) -> Option<Border> {
        Some(Border::Sloped { slope: 1.0 - score, offset: 0.0 })
    }
}

/// The share of the loss that is gone; undefined for a loss of nothing.
pub(crate) fn relative(base: f64, reference: f64) -> Option<f64> {
    shrunken(base, reference, 0.0)
}

/// The score with some nats added to the denominator.
pub(crate) fn shrunken(base: f64, reference: f64, nats: f64) -> Option<f64> {
    (base + nats > 0.0).then(|| (base - reference) / (base + nats))
}
