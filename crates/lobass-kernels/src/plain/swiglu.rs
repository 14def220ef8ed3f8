//! The reference of the feed-forward gate.

/// [`swiglu`](crate::swiglu()), one value after another.
pub fn swiglu(gate: &[f64], up: &[f64], out: &mut [f64]) {
    for at in 0..out.len() {
        out[at] = gate[at] / (1.0 + (-gate[at]).exp()) * up[at];
    }
}

/// [`swiglu_backward`](crate::swiglu_backward), one value after another.
pub fn swiglu_backward(gate: &mut [f64], up: &mut [f64], d_out: &[f64]) {
    for at in 0..d_out.len() {
        let sigmoid = 1.0 / (1.0 + (-gate[at]).exp());
        let slope = sigmoid + gate[at] * sigmoid * (1.0 - sigmoid);
        (gate[at], up[at]) = (d_out[at] * up[at] * slope, d_out[at] * gate[at] * sigmoid);
    }
}
