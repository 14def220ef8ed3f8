//! Whether losses fall at all: the slope of their logarithms.

use crate::curve::LogCurve;

/// Points of a block: neighbors are not independent.
pub(crate) const BLOCK: usize = 10;

/// A change of the loss by less than this share, over the whole curve, does not count.
const LEAST_CHANGE: f64 = 1e-3;

/// Which way a curve goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trend {
    Falling,
    Flat,
    Rising,
}

/// The trend of a curve: the slope of the logarithm of the loss by that of the count, if it is larger than twice its
/// standard error. The error is that of blocks of points (Liang and Zeger, 1986).
pub(crate) fn trend(curve: &LogCurve) -> Trend {
    let LogCurve { x, y, weights, .. } = curve;
    let total: f64 = weights.iter().sum();
    let mean = |values: &[f64]| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let centered: Vec<f64> = x.iter().map(|x| x - mean_x).collect();
    let spread: f64 = centered.iter().zip(weights).map(|(x, w)| w * x * x).sum();
    if spread <= 0.0 {
        return Trend::Flat;
    }
    let along = |at: usize| weights[at] * centered[at] * (y[at] - mean_y);
    let slope = (0..x.len()).map(along).sum::<f64>() / spread;
    let part = |at: usize| weights[at] * centered[at] * (y[at] - mean_y - slope * centered[at]);
    let places: Vec<usize> = (0..x.len()).collect();
    let blocks = places.chunks(BLOCK).map(|block| block.iter().map(|&at| part(at)).sum::<f64>().powi(2));
    let error = blocks.sum::<f64>().sqrt() / spread;
    let span = x.last().copied().unwrap_or_default() - x[0];
    if slope.abs() <= 2.0 * error || slope.abs() * span < LEAST_CHANGE {
        Trend::Flat
    } else if slope < 0.0 {
        Trend::Falling
    } else {
        Trend::Rising
    }
}
