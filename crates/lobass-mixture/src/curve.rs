//! The losses of a source over training, as a curve.

use serde::{Deserialize, Serialize};

use crate::smooth::{ORDER, savitzky_golay, window_for};

/// The loss of a source in one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Scored tokens of all sources up to and with the step.
    pub n: f64,
    /// The mean loss of the source in the step, in nats per scored token; above 0.
    pub loss: f64,
    /// How much the point counts: scored tokens of the source in the step.
    pub weight: f64,
}

/// The most points that a fit goes through: of a longer curve it takes every second, third, .. point, once it is
/// smoothed. The official implementation takes every tenth.
const FITTED: usize = 250;

/// A curve in logarithms, ready to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogCurve {
    pub(crate) n_first: f64,
    /// `ln(n / n_first)` of each point.
    pub(crate) x: Vec<f64>,
    /// `ln(loss)` of each point.
    pub(crate) y: Vec<f64>,
    /// With a mean of 1.
    pub(crate) weights: Vec<f64>,
}

impl LogCurve {
    /// All points.
    pub(crate) fn of(points: &[Point]) -> Self {
        let n_first = points.first().map_or(1.0, |point| point.n);
        let mean = points.iter().map(|point| point.weight).sum::<f64>() / points.len().max(1) as f64;
        Self {
            n_first,
            x: points.iter().map(|point| (point.n / n_first).ln()).collect(),
            y: points.iter().map(|point| point.loss.ln()).collect(),
            weights: points.iter().map(|point| point.weight / mean).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    /// The smoothed curve, with as many points as a fit takes.
    pub(crate) fn for_fit(&self) -> Self {
        let smooth = self.smooth();
        let stride = self.len().div_ceil(FITTED).max(1);
        // From the end, so that the last point is one of them.
        let skip = self.len().saturating_sub(1) % stride;
        let take = |values: &[f64]| values.iter().copied().skip(skip).step_by(stride).collect();
        Self { n_first: self.n_first, x: take(&self.x), y: take(&smooth.y), weights: take(&self.weights) }
    }

    pub(crate) fn smooth(&self) -> Self {
        let losses: Vec<f64> = self.y.iter().map(|y| y.exp()).collect();
        let Some(window) = window_for(self.len()) else { return self.clone() };
        let smooth = savitzky_golay(&losses, window, ORDER);
        // A polynomial may fall below zero where no loss does.
        let y = smooth.iter().zip(&self.y).map(|(&loss, &y)| if loss > 0.0 { loss.ln() } else { y });
        Self { y: y.collect(), ..self.clone() }
    }
}
