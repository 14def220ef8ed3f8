//! How certain a fit is: residuals are drawn again in blocks, and the law is fitted again.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::Law;
use crate::curve::LogCurve;
use crate::fit::fit_from;
use crate::trend::BLOCK;

/// The middle 90 % of the values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The 5th percentile.
    pub low: f64,
    /// The 95th percentile.
    pub high: f64,
}

impl Interval {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (values.len() - 1) as f64;
            let (below, above) = (place.floor(), place.ceil());
            let value = |place: f64| values[index(place)];
            value(below) + (place - below) * (value(above) - value(below))
        };
        Self { low: at(0.05), high: at(0.95) }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn index(place: f64) -> usize {
    place as usize
}

/// Intervals of the parameters of a law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of the exponent.
    pub alpha: Interval,
    /// Of the loss that the curve tends to, in nats.
    pub eps: Interval,
    /// Of the learning potential at the last point, in nats.
    pub potential: Interval,
}

/// Fits the law to `replicates` curves, each the law with residuals of the curve, drawn in blocks of ten points.
///
/// Blocks keep the dependence of neighbors (Künsch, 1989).
pub(crate) fn intervals(
    curve: &LogCurve,
    law: &Law,
    floor: Option<f64>,
    replicates: usize,
    seed: u64,
) -> Option<Intervals> {
    if replicates < 2 {
        return None;
    }
    let n = curve.len();
    let fitted: Vec<f64> = curve.x.iter().map(|x| law.loss(curve.n_first * x.exp()).ln()).collect();
    let residuals: Vec<f64> = curve.y.iter().zip(&fitted).map(|(y, fitted)| y - fitted).collect();
    let block = BLOCK.min(n);
    let n_last = curve.n_first * curve.x[n - 1].exp();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut laws = Vec::with_capacity(replicates);
    for _ in 0..replicates {
        let mut drawn = Vec::with_capacity(n + block);
        while drawn.len() < n {
            let start = rng.random_range(0..=n - block);
            drawn.extend_from_slice(&residuals[start..start + block]);
        }
        let y = fitted.iter().zip(drawn).map(|(fitted, residual)| fitted + residual).collect();
        laws.push(fit_from(&LogCurve { y, ..curve.clone() }.for_fit(), floor, law));
    }
    let interval = |of: fn(&Law, f64) -> f64| Interval::of(laws.iter().map(|law| of(law, n_last)).collect());
    Some(Intervals {
        alpha: interval(|law, _| law.alpha),
        eps: interval(|law, _| law.eps),
        potential: interval(Law::potential),
    })
}
