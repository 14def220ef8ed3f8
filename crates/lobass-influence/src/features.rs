//! The vector of a row.

use lobass_core::Sequence;
use lobass_loss::Workers;

use crate::{Projection, WarmUp};

/// The use of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may be trained on: its gradient is scaled as AdamW would.
    Training,
    /// A target row: its gradient is unchanged.
    Target,
}

/// Gradients that are held at once before they are projected, in bytes, and how many at most.
const HELD_BYTES: usize = 512 << 20;
const HELD_ROWS: usize = 32;

/// Makes the vector of each sequence: its gradient, scaled if it is for training, projected, and of length one. None
/// where that is zero or not finite, or if nothing is scored. As in LESS's code, a row for training that has no gradient
/// has that of the momentum.
///
/// # Panics
/// If a token has no embedding; `lobass_loss::check_ids` finds that out before.
pub fn features(
    warm_up: &WarmUp,
    sequences: &[Sequence],
    kind: Kind,
    projection: Projection,
    workers: &Workers,
) -> Vec<Option<Vec<f32>>> {
    let n_held = (HELD_BYTES / (size_of::<f32>() * warm_up.n_values())).clamp(1, HELD_ROWS);
    let mut vectors = Vec::with_capacity(sequences.len());
    for held in sequences.chunks(n_held) {
        let order: Vec<usize> = (0..held.len()).collect();
        let gradients = workers.run(&order, |at| {
            let mut gradient = warm_up.gradient(&held[at]);
            if kind == Kind::Training {
                warm_up.precondition(&mut gradient);
            }
            gradient
        });
        vectors.extend(projection.project(gradients, workers).into_iter().map(unit));
    }
    vectors
}

/// A vector of length one in the same direction, if it has one.
#[expect(clippy::cast_possible_truncation, reason = "features are f32")]
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let norm = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    if !(norm > 0.0 && norm.is_finite()) {
        return None;
    }
    for value in &mut vector {
        *value = (f64::from(*value) / norm) as f32;
    }
    Some(vector)
}
