//! The reference of layer normalization.

/// [`layer_norm`](crate::layer_norm()), one row after another.
pub fn layer_norm(x: &[f64], weight: &[f64], bias: Option<&[f64]>, eps: f64, y: &mut [f64]) {
    for (x, y) in x.chunks(weight.len()).zip(y.chunks_mut(weight.len())) {
        let (mean, root) = mean_and_root(x, eps);
        for i in 0..x.len() {
            y[i] = (x[i] - mean) / root * weight[i] + bias.map_or(0.0, |bias| bias[i]);
        }
    }
}

/// [`layer_norm_backward`](crate::layer_norm_backward), one row after another.
pub fn layer_norm_backward(
    x: &[f64],
    weight: &[f64],
    eps: f64,
    dy: &[f64],
    dx: &mut [f64],
    mut d_weight: Option<&mut [f64]>,
    mut d_bias: Option<&mut [f64]>,
) {
    let width = weight.len();
    for ((x, dy), dx) in x.chunks(width).zip(dy.chunks(width)).zip(dx.chunks_mut(width)) {
        let (mean, root) = mean_and_root(x, eps);
        let n = width as f64;
        let all: f64 = (0..width).map(|i| dy[i] * weight[i]).sum();
        let along: f64 = (0..width).map(|i| dy[i] * weight[i] * (x[i] - mean)).sum();
        for i in 0..width {
            // d((x_j - mean) / root) / dx_i = ([i = j] - 1 / n) / root - (x_i - mean) (x_j - mean) / (n root^3)
            dx[i] = (dy[i] * weight[i] - all / n) / root - (x[i] - mean) * along / (n * root.powi(3));
            if let Some(d_weight) = &mut d_weight {
                d_weight[i] += dy[i] * (x[i] - mean) / root;
            }
            if let Some(d_bias) = &mut d_bias {
                d_bias[i] += dy[i];
            }
        }
    }
}

fn mean_and_root(x: &[f64], eps: f64) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    (mean, (variance + eps).sqrt())
}
