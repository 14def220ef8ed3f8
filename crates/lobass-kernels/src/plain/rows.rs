//! The references of what is done with some rows of matrices.

/// [`select_rows`](crate::select_rows), one value after another.
pub fn select_rows(x: &[f64], rows: &[usize], width: usize, to: &mut [f64]) {
    for at in 0..to.len() {
        to[at] = x[rows[at / width] * width + at % width];
    }
}

/// [`add_rows`](crate::add_rows), one value after another.
pub fn add_rows(sum: &mut [f64], rows: &[usize], weights: &[f64], y: &[f64], width: usize) {
    for at in 0..y.len() {
        sum[rows[at / width] * width + at % width] += weights[at / width] * y[at];
    }
}

/// [`row_dots`](crate::row_dots), one row after another.
pub fn row_dots(x: &[f64], y: &[f64], width: usize, dots: &mut [f64]) {
    for ((x, y), to) in x.chunks(width).zip(y.chunks(width)).zip(dots) {
        *to = x.iter().zip(y).map(|(x, y)| x * y).sum();
    }
}
