//! The gate of a LLaMA feed-forward block and its gradient.

use crate::exp::sigmoid;
use crate::lanes::vectorized;

/// Computes `out = silu(gate) * up`, where `silu(x) = x * sigmoid(x)`.
///
/// # Shapes
/// All as long as each other.
///
/// # Panics
/// If they are not.
///
/// Source: `LlamaMLP` of transformers with `silu`.
pub fn swiglu(gate: &[f32], up: &[f32], out: &mut [f32]) {
    assert_eq!((gate.len(), up.len()), (out.len(), out.len()), "gate, up, and out");
    vectorized(
        #[inline(always)]
        || {
            for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                *out = gate * sigmoid(*gate) * up;
            }
        },
    );
}

/// Replaces `gate` and `up` by their gradients, given that of the output.
///
/// # Shapes
/// All as long as each other.
///
/// # Panics
/// If they are not.
pub fn swiglu_backward(gate: &mut [f32], up: &mut [f32], d_out: &[f32]) {
    assert_eq!((gate.len(), up.len()), (d_out.len(), d_out.len()), "gate, up, and the gradient");
    vectorized(
        #[inline(always)]
        || {
            for ((gate, up), d_out) in gate.iter_mut().zip(up).zip(d_out) {
                let open = sigmoid(*gate);
                let silu = *gate * open;
                // silu' = s + x s (1 - s)
                let slope = silu.mul_add(1.0 - open, open);
                (*gate, *up) = (d_out * *up * slope, d_out * silu);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn is_the_plain_one(len in 0usize..70, size in 0.1f32..30.0, seed: u64) {
            let gate: Vec<f32> = values(seed, len).iter().map(|x| x * size).collect();
            let (up, d_out) = (values(seed ^ 1, len), values(seed ^ 2, len));
            let (mut out, mut expected) = (vec![0.0; len], vec![0.0; len]);
            swiglu(&gate, &up, &mut out);
            plain::swiglu(&wide(&gate), &wide(&up), &mut expected);
            assert_close(&out, &expected, 2e-6);

            let (mut d_gate, mut d_up, mut expected_gate, mut expected_up) =
                (gate.clone(), up.clone(), wide(&gate), wide(&up));
            swiglu_backward(&mut d_gate, &mut d_up, &d_out);
            plain::swiglu_backward(&mut expected_gate, &mut expected_up, &wide(&d_out));
            assert_close(&d_gate, &expected_gate, 1e-5);
            assert_close(&d_up, &expected_up, 2e-6);
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (gate, up, d_out) = (wide(&values(1, 9)), wide(&values(2, 9)), wide(&values(3, 9)));
        let (mut d_gate, mut d_up) = (gate.clone(), up.clone());
        plain::swiglu_backward(&mut d_gate, &mut d_up, &d_out);
        let loss = |gate: &[f64], up: &[f64]| {
            let mut out = vec![0.0; gate.len()];
            plain::swiglu(gate, up, &mut out);
            weighted(&out, &d_out)
        };
        assert_gradient(|gate| loss(gate, &up), &gate, &d_gate);
        assert_gradient(|up| loss(&gate, up), &up, &d_up);
    }
}
