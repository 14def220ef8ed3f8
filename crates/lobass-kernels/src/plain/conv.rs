//! The reference of causal convolution.

/// [`causal_conv`](crate::causal_conv), one value after another.
pub fn causal_conv(x: &[f64], weight: &[f64], before: &[f64], size: usize, y: &mut [f64]) {
    let channels = weight.len() / size;
    let all = [before, x].concat();
    for (at, y) in y.iter_mut().enumerate() {
        let (position, channel) = (at / channels, at % channels);
        let product = |tap: usize| weight[channel * size + tap] * all[(position + tap) * channels + channel];
        *y = (0..size).map(product).sum();
    }
}

/// [`causal_conv_backward`](crate::causal_conv_backward), one value after another.
pub fn causal_conv_backward(
    x: &[f64],
    weight: &[f64],
    size: usize,
    dy: &[f64],
    dx: &mut [f64],
    mut d_weight: Option<&mut [f64]>,
) {
    let channels = weight.len() / size;
    dx.fill(0.0);
    for (at, dy) in dy.iter().enumerate() {
        let (position, channel) = (at / channels, at % channels);
        for tap in 0..size {
            let Some(from) = (position + tap + 1).checked_sub(size) else { continue };
            dx[from * channels + channel] += weight[channel * size + tap] * dy;
            if let Some(d_weight) = &mut d_weight {
                d_weight[channel * size + tap] += x[from * channels + channel] * dy;
            }
        }
    }
}
