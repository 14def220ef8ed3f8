//! Accuracy by extracted answers of the model that is trained on all rows.

use super::study::{Replicate, arm_of};
use crate::report::FLOOR;

/// What share of questions the model answers rightly, and whether that is enough to compare answers.
pub(super) fn answers(replicates: &[Replicate]) -> Option<String> {
    replicates.iter().enumerate().find_map(|(at, replicate)| {
        let full = arm_of(replicate.get("epochs-full")?, "full")?;
        let (source, answer) = full.results.iter().find_map(|of| {
            let is_source = of.source != crate::ALL;
            is_source.then_some(of.answer)?.map(|answer| (&of.source, answer.value))
        })?;
        let verdict = if answer > FLOOR {
            "That is above 10 %, so answers can be compared."
        } else {
            "That is at most 10 %, where differences are noise, so answers are not compared."
        };
        Some(format!(
            "Replicate {at}: after training on all rows, the most likely answer is right for {:.1} % of the held-out \
             questions of {source}. {verdict}\n",
            100.0 * answer
        ))
    })
}
