//! What a run of PDS costs, before it runs.

use std::fmt;

use lobass_core::readable::count;
use lobass_influence::pds::Curvature;
use serde::Serialize;

use super::radius;
use super::settings::PdsSettings;

/// The work of a run, in rows that are run forward. A row that is run forward and backward counts 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The training, which is run twice: weights between kept states are computed again.
    pub training: u64,
    /// The co-state: gradients of the target, and two gradients of each batch for curvature.
    pub co_state: u64,
    /// Two losses of each row of the pool for each scored step, and four of some rows to check the radius.
    pub scores: u64,
    /// The same in passes over the pool, rounded up.
    pub passes: u64,
}

/// Rows forward that a row forward and backward is worth.
const BACKWARD: u64 = 3;

impl Cost {
    pub(super) fn of(settings: &PdsSettings, n_rows: usize, n_target: usize) -> Self {
        let steps = settings.steps as u64;
        let drawn = steps * settings.batch_size as u64;
        let training = 2 * BACKWARD * drawn;
        let products = match settings.curvature {
            Curvature::Exact => 2 * BACKWARD * drawn,
            Curvature::None => 0,
        };
        let co_state = BACKWARD * (steps + 1) * n_target as u64 + products;
        let tried = 4 * radius::tried(n_rows).count() as u64;
        let scores = 2 * (settings.probed().count() * n_rows) as u64 + tried;
        let passes = (training + co_state + scores).div_ceil(n_rows.max(1) as u64);
        Self { training, co_state, scores, passes }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "as {} passes over the pool: {} rows for the training, {} for the co-state, {} for the scores",
            count(self.passes),
            count(self.training),
            count(self.co_state),
            count(self.scores)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_counted() {
        let settings = PdsSettings::default();
        let cost = Cost::of(&settings, 9_000, 64);
        assert_eq!((cost.training, cost.co_state, cost.scores), (19_200, 19_392 + 19_200, 180_256));
        assert_eq!(cost.passes, 27);
        let first = Cost::of(&PdsSettings { curvature: Curvature::None, ..settings }, 9_000, 64);
        assert_eq!(first.co_state, 19_392);
    }
}
