//! The losses of rows along a training, as vectors to cluster by.

use lobass_core::{Numbers, ScoreColumns};

use crate::strategy::Strategy;

/// The models whose losses a strategy clusters by.
pub(crate) fn clustered(strategy: &Strategy) -> Option<&[String]> {
    match strategy {
        Strategy::S2l(checkpoints) => Some(checkpoints),
        _ => None,
    }
}

/// The mean losses of every row under some models, one row after the other; NaN where there are none.
pub(crate) fn features(columns: &ScoreColumns, models: &[String]) -> (Vec<f32>, usize) {
    let losses: Vec<&Numbers> = models.iter().map(|model| columns.losses(model)).collect();
    let mean = |losses: &Numbers, row: usize| -> f32 {
        let mean = losses.get(row).map_or(f64::NAN, |sum| sum / f64::from(columns.n_scored[row].max(1)));
        #[expect(clippy::cast_possible_truncation, reason = "a coordinate, to 24 bits")]
        let coordinate = mean as f32;
        coordinate
    };
    let values = (0..columns.len()).flat_map(|row| losses.iter().map(move |losses| mean(losses, row)));
    (values.collect(), models.len())
}
