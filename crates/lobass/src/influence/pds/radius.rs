//! Whether losses at the radius are far enough apart, and not too far, to say a derivative.

use std::cmp::Ordering;

use lobass_core::{Detail, LossEngine as _, Observer as _, Sequence};
use lobass_influence::pds::{Descent, Probe};
use lobass_loss::Engine;

use super::settings::PdsSettings;
use super::states::States;
use crate::error::{Error, Result, bail};
use crate::runtime::Runtime;

/// The number of rows that the radius is tried on.
const TRIED: usize = 64;
/// Products that change by more than this share, if the radius is halved, are refused.
const MOST: f64 = 0.5;
/// Products that change by more than this share are warned of.
const MUCH: f64 = 0.1;

/// Compares products of some rows, at the first scored step, with those at half the radius. Where losses differ by little
/// more than their rounding, or bend between the two sides, the two disagree.
///
/// # Errors
/// If they do by more than [`MOST`], or losses cannot be computed.
pub(super) fn check(
    settings: &PdsSettings,
    descent: &Descent<'_>,
    states: &States,
    rows: &[Sequence],
    threads: usize,
    runtime: &Runtime,
) -> Result<()> {
    let (weights, costate) = (states.weights(0)?, states.costate(0)?);
    let tried: Vec<Sequence> = self::tried(rows.len()).map(|at| rows[at].clone()).collect();
    let products = |radius: f64| -> Result<Vec<f64>> {
        let probe = Probe::new(&weights, &costate.vector, radius);
        let [plus, minus] = probe.weights(&weights, &costate.vector).map(|weights| {
            let engine = Engine::new(descent.with(&weights), threads);
            engine.losses(&tried, Detail::Sum).map_err(Error::from)
        });
        let of_row = |loss| settings.row_loss.of(loss, descent.mean_scored());
        let sides = plus?.into_iter().zip(minus?);
        Ok(sides.map(|(plus, minus)| probe.product(of_row(plus.nll), of_row(minus.nll))).collect())
    };
    let changed = changed(&products(settings.radius)?, &products(settings.radius / 2.0)?);
    let (radius, n_rows) = (settings.radius, tried.len());
    let advice = advice(radius);
    if changed.is_infinite() {
        bail!(
            Settings,
            "with `--radius` {radius:e}, no loss of {n_rows} rows differs between the two sides by a finite number; {advice}"
        );
    }
    let percent = 100.0 * changed;
    let found =
        format!("with half of `--radius` {radius:e}, the products of {n_rows} rows change by {percent:.0} %");
    if changed > MOST {
        bail!(Settings, "{found}: expected at most {:.0} %; {advice}", 100.0 * MOST);
    }
    if changed > MUCH {
        runtime.warn(&format!("{found}, so scores are inexact; {advice}"));
    }
    Ok(())
}

/// The rows of a pool that the radius is tried on, spread over all of it.
pub(super) fn tried(n_rows: usize) -> impl Iterator<Item = usize> {
    (0..n_rows).step_by(n_rows.div_ceil(TRIED).max(1))
}

/// How large the change is relative to the products: the ratio of the roots of their sums of squares. Infinite if there
/// is no product other than 0. Rows whose loss is not finite are refused by their status.
fn changed(whole: &[f64], half: &[f64]) -> f64 {
    let both = || whole.iter().zip(half).filter(|(whole, half)| whole.is_finite() && half.is_finite());
    let change: f64 = both().map(|(whole, half)| (whole - half).powi(2)).sum();
    let size: f64 = both().map(|(whole, _)| whole.powi(2)).sum();
    if size > 0.0 { (change / size).sqrt() } else { f64::INFINITY }
}

/// What to do about a radius at which products are inexact.
fn advice(radius: f64) -> String {
    let usual = Probe::ROWS;
    match radius.total_cmp(&usual) {
        Ordering::Less => {
            format!("below the default of {usual:e}, rounding is most of it, so use a larger one")
        }
        Ordering::Greater => {
            format!("above the default of {usual:e}, the loss bends in between, so use a smaller one")
        }
        Ordering::Equal => "use a larger one for an adapter, such as 3e-4, or else a smaller one".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_is_relative_and_of_finite_products() {
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        close(changed(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        close(changed(&[3.0, 4.0], &[3.0, 3.0]), 0.2);
        close(changed(&[3.0, f64::NAN, 4.0], &[3.0, 1.0, 3.0]), 0.2);
        for nothing in [[0.0, 0.0], [f64::NAN, f64::INFINITY]] {
            assert!(changed(&nothing, &[1.0, 1.0]).is_infinite());
        }
    }
}
