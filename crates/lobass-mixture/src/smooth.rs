//! Savitzky-Golay smoothing: a polynomial is fitted to the points of a window, and gives the value in its middle.

/// The largest window.
///
/// Source: the official implementation of ADO, as is the order.
pub const WINDOW: usize = 101;

/// The order of the polynomials.
pub const ORDER: usize = 3;

/// The window for some points: a tenth of them, odd, at most [`WINDOW`]. `None` if that is too little for a
/// polynomial of [`ORDER`].
pub fn window_for(n_points: usize) -> Option<usize> {
    let window = (n_points / 10).min(WINDOW);
    let window = if window.is_multiple_of(2) { window.saturating_sub(1) } else { window };
    (window > ORDER + 1).then_some(window)
}

/// Smooths values by polynomials of an order over a window. The first and last values are those of the polynomials of
/// the first and last window, as with `mode="interp"` of SciPy's `savgol_filter`.
///
/// Values come back as they are if they are fewer than the window.
///
/// # Panics
/// If the window is not odd, or not larger than the order.
pub fn savitzky_golay(values: &[f64], window: usize, order: usize) -> Vec<f64> {
    assert!(window % 2 == 1 && window > order, "an odd window that is larger than the order");
    if values.len() < window {
        return values.to_vec();
    }
    let basis = basis(window, order);
    let half = window / 2;
    let weights = |at: usize| -> Vec<f64> {
        (0..window).map(|other| basis.iter().map(|q| q[at] * q[other]).sum()).collect()
    };
    let apply = |weights: &[f64], values: &[f64]| weights.iter().zip(values).map(|(w, v)| w * v).sum();
    let (first, last) = (&values[..window], &values[values.len() - window..]);
    let middle = weights(half);
    let start = (0..half).map(|at| apply(&weights(at), first));
    let inner = values.windows(window).map(|window| apply(&middle, window));
    let end = (half + 1..window).map(|at| apply(&weights(at), last));
    start.chain(inner).chain(end).collect()
}

/// Orthonormal polynomials on the positions of a window, up to an order.
fn basis(window: usize, order: usize) -> Vec<Vec<f64>> {
    let half = (window / 2) as f64;
    let position = |at: usize| (at as f64 - half) / half.max(1.0);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for power in 0..=order {
        let mut q: Vec<f64> =
            (0..window).map(|at| position(at).powi(i32::try_from(power).unwrap_or(i32::MAX))).collect();
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = q.iter().zip(other).map(|(a, b)| a * b).sum();
                q.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let norm = q.iter().map(|value| value * value).sum::<f64>().sqrt();
        basis.push(q.iter().map(|value| value / norm).collect());
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn filters_are_those_of_scipy() {
        for filter in Fixture::read().filters {
            let found = savitzky_golay(&filter.values, filter.window, filter.order);
            assert_eq!(found.len(), filter.smooth.len());
            for (found, expected) in found.iter().zip(&filter.smooth) {
                assert!((found - expected).abs() < 1e-10, "window {}: {found} {expected}", filter.window);
            }
        }
    }

    #[test]
    fn a_cubic_stays_as_it_is() {
        let cubic = |at: usize| {
            let x = at as f64 / 50.0;
            2.0 - x + 0.5 * x * x - 0.03 * x * x * x
        };
        let values: Vec<f64> = (0..300).map(cubic).collect();
        for (found, value) in savitzky_golay(&values, WINDOW, ORDER).iter().zip(&values) {
            assert!((found - value).abs() < 1e-11, "{found} {value}");
        }
    }

    #[test]
    fn windows_are_odd_and_large_enough() {
        assert_eq!(
            [49, 50, 69, 70, 1009, 1010, 5000].map(window_for),
            [None, Some(5), Some(5), Some(7), Some(99), Some(101), Some(101)]
        );
        assert_eq!(savitzky_golay(&[1.0, 3.0], 5, 3), [1.0, 3.0]);
    }
}
