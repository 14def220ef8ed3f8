//! The references of what is done with whole vectors.

/// [`sum_of_squares`](crate::sum_of_squares), in order.
pub fn sum_of_squares(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// [`axpy`](crate::axpy), one value after another.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// [`scaled_sum`](crate::scaled_sum), one value after another.
pub fn scaled_sum(x: &[f64], scale: f64, y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = x + scale * *y;
    }
}
