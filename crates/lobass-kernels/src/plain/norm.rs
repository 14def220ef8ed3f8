//! The reference of RMS normalization.

/// [`rms_norm`](crate::rms_norm), one row after another.
pub fn rms_norm(x: &[f64], weight: &[f64], eps: f64, y: &mut [f64]) {
    for (x, y) in x.chunks(weight.len()).zip(y.chunks_mut(weight.len())) {
        for i in 0..x.len() {
            y[i] = x[i] / root(x, eps) * weight[i];
        }
    }
}

/// [`rms_norm_backward`](crate::rms_norm_backward), one row after another.
pub fn rms_norm_backward(
    x: &[f64],
    weight: &[f64],
    eps: f64,
    dy: &[f64],
    dx: &mut [f64],
    mut d_weight: Option<&mut [f64]>,
) {
    let width = weight.len();
    for ((x, dy), dx) in x.chunks(width).zip(dy.chunks(width)).zip(dx.chunks_mut(width)) {
        let root = root(x, eps);
        let along: f64 = (0..width).map(|i| dy[i] * weight[i] * x[i]).sum();
        for i in 0..width {
            // d(x_j / root) / dx_i = [i = j] / root - x_i x_j / (width root^3)
            dx[i] = dy[i] * weight[i] / root - x[i] * along / (width as f64 * root.powi(3));
            if let Some(d_weight) = &mut d_weight {
                d_weight[i] += dy[i] * x[i] / root;
            }
        }
    }
}

fn root(x: &[f64], eps: f64) -> f64 {
    (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64 + eps).sqrt()
}
