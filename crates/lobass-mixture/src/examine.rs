//! What the losses of a source over training say about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Law;
use crate::bootstrap::{Intervals, intervals};
use crate::curve::{LogCurve, Point};
use crate::fit::{fit_curve, usable};
use crate::trend::{Trend, trend};

/// Fewer points than this have no law.
pub const LEAST_POINTS: usize = 40;

/// Whether a source has a law, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The loss falls, and has a law.
    Ok,
    /// It was in fewer than [`LEAST_POINTS`] steps.
    FewPoints,
    /// The loss does not change.
    Flat,
    /// The loss rises.
    Rising,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::FewPoints => "few points",
            Self::Flat => "flat",
            Self::Rising => "rising",
        })
    }
}

/// How a curve is examined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExamineOptions {
    /// The smallest `eps` in nats, if there is one.
    pub floor: Option<f64>,
    /// The number of curves that intervals come from. With fewer than 2, sources get no intervals.
    pub replicates: usize,
    /// The seed of these curves.
    pub seed: u64,
}

impl Default for ExamineOptions {
    fn default() -> Self {
        Self { floor: None, replicates: 200, seed: 0 }
    }
}

/// What the losses of a source say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Examined {
    /// Whether there is a law, or why not.
    pub status: Status,
    /// The number of points.
    pub n_points: usize,
    /// The mean losses of the first and of the last tenth of the points, at least ten, in nats per scored token.
    pub losses: Option<(f64, f64)>,
    /// The law.
    pub law: Option<Law>,
    /// The learning potential at the last point, in nats; 0 if the loss does not fall.
    pub potential: Option<f64>,
    /// The share of the variance of the logarithms of smoothed losses that the law explains.
    pub r2: Option<f64>,
    /// Intervals by a block bootstrap of residuals.
    pub intervals: Option<Intervals>,
}

/// Examines the losses of a source: its trend, its law, and how certain the law is.
pub fn examine(points: &[Point], options: &ExamineOptions) -> Examined {
    let mut found = Examined {
        status: Status::FewPoints,
        n_points: points.len(),
        losses: None,
        law: None,
        potential: None,
        r2: None,
        intervals: None,
    };
    if !usable(points) {
        return found;
    }
    let curve = LogCurve::of(points);
    let end = (points.len() / 10).max(10).min(points.len());
    found.losses = Some((mean(&points[..end]), mean(&points[points.len() - end..])));
    found.status = status(&curve);
    match found.status {
        Status::FewPoints => {}
        Status::Flat | Status::Rising => found.potential = Some(0.0),
        Status::Ok => {
            let fitted = curve.for_fit();
            let law = fit_curve(&fitted, options.floor);
            let n_last = points[points.len() - 1].n;
            found.potential = Some(law.potential(n_last));
            found.r2 = Some(r2(&fitted, &law));
            found.intervals = intervals(&curve, &law, options.floor, options.replicates, options.seed);
            found.law = Some(law);
        }
    }
    found
}

/// The mean loss of some points, by their weights.
fn mean(points: &[Point]) -> f64 {
    let sum: f64 = points.iter().map(|point| point.weight * point.loss).sum();
    sum / points.iter().map(|point| point.weight).sum::<f64>()
}

/// The status of a curve of usable points.
pub(crate) fn status(curve: &LogCurve) -> Status {
    match trend(curve) {
        _ if curve.len() < LEAST_POINTS => Status::FewPoints,
        Trend::Falling => Status::Ok,
        Trend::Flat => Status::Flat,
        Trend::Rising => Status::Rising,
    }
}

fn r2(curve: &LogCurve, law: &Law) -> f64 {
    let LogCurve { x, y, weights, .. } = curve;
    let mean = y.iter().zip(weights).map(|(y, w)| y * w).sum::<f64>() / weights.iter().sum::<f64>();
    let model = |x: f64| law.loss(curve.n_first * x.exp()).ln();
    let left: f64 = x.iter().zip(y).zip(weights).map(|((&x, y), w)| w * (y - model(x)).powi(2)).sum();
    let all: f64 = y.iter().zip(weights).map(|(y, w)| w * (y - mean).powi(2)).sum();
    1.0 - left / all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n_steps: u32, loss: impl Fn(f64) -> f64) -> Vec<Point> {
        let point = |step: u32| {
            let n = 4_000.0 * f64::from(step);
            let wave = (f64::from(step) * 12.9898).sin() + (f64::from(step) * 78.233).sin();
            Point { n, loss: loss(n) * (0.02 * wave).exp(), weight: 1.0 + f64::from(step % 3) }
        };
        (20..20 + n_steps).map(point).collect()
    }

    #[test]
    fn each_curve_has_its_status() {
        let status = |n_steps, loss: &dyn Fn(f64) -> f64| {
            let options = ExamineOptions { replicates: 0, ..ExamineOptions::default() };
            examine(&points(n_steps, loss), &options).status
        };
        assert_eq!(status(300, &|n| 0.5 + 20.0 * n.powf(-0.3)), Status::Ok);
        assert_eq!(status(39, &|n| 0.5 + 20.0 * n.powf(-0.3)), Status::FewPoints);
        assert_eq!(status(40, &|n| 0.5 + 20.0 * n.powf(-0.3)), Status::Ok);
        assert_eq!(status(300, &|_| 2.0), Status::Flat);
        assert_eq!(status(300, &|n| 2.0 + 1e-7 * n), Status::Rising);
        assert_eq!(examine(&[], &ExamineOptions::default()).status, Status::FewPoints);
    }

    #[test]
    fn intervals_hold_the_law_and_repeat() {
        let points = points(800, |n| 0.5 + 20.0 * n.powf(-0.3));
        let found = examine(&points, &ExamineOptions { replicates: 60, ..ExamineOptions::default() });
        let (first, last) = found.losses.unwrap();
        let early: Vec<f64> = points[..80].iter().map(|point| point.loss).collect();
        assert!((first - early.iter().sum::<f64>() / 80.0).abs() < 0.01 && last < 0.8 * first, "{found:?}");
        let Intervals { alpha, eps, potential } = found.intervals.unwrap();
        let truth = 0.3 * 20.0 * points[799].n.powf(-0.3);
        assert!(alpha.low < 0.3 && 0.3 < alpha.high && eps.low < 0.5 && 0.5 < eps.high, "{found:?}");
        assert!(
            potential.low < truth && truth < potential.high && potential.high < 2.0 * truth,
            "{found:?} {truth}"
        );
        assert!(found.r2.unwrap() > 0.9, "{found:?}");
        let again = examine(&points, &ExamineOptions { replicates: 60, ..ExamineOptions::default() });
        assert_eq!(again, found);
    }
}
