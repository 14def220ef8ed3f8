//! How fast the matrices of the gated delta rule decay.
//!
//! A position has one number for each head, so this is done in `f64`.

/// Overwrites `x` with the logarithms of decays: `-exp(log_rate) softplus(x + bias)`, by heads.
///
/// # Shapes
/// - `x`: `[t, heads]`; `log_rates`, `biases`: `[heads]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: `Qwen3NextGatedDeltaNet` of transformers 5.24, there `A_log` and `dt_bias`.
pub fn log_decays(log_rates: &[f32], biases: &[f32], x: &mut [f32]) {
    let heads = check(log_rates, biases, x.len());
    for row in x.chunks_exact_mut(heads) {
        for ((x, log_rate), bias) in row.iter_mut().zip(log_rates).zip(biases) {
            *x = narrow(-f64::from(*log_rate).exp() * softplus(f64::from(*x) + f64::from(*bias)));
        }
    }
}

/// Overwrites `d`, the gradient of [`log_decays`], with that of `x`, and adds those of rates and biases.
///
/// # Shapes
/// The shapes of [`log_decays`]; `x` is what it was given, and a gradient has the shape of what it belongs to.
///
/// # Panics
/// If lengths do not fit.
pub fn log_decays_backward(
    log_rates: &[f32],
    biases: &[f32],
    x: &[f32],
    d: &mut [f32],
    d_log_rates: &mut [f32],
    d_biases: &mut [f32],
) {
    let heads = check(log_rates, biases, x.len());
    assert_eq!((d.len(), d_log_rates.len(), d_biases.len()), (x.len(), heads, heads), "gradients");
    let (mut rate_sums, mut bias_sums) = (vec![0.0; heads], vec![0.0; heads]);
    for (x, d) in x.chunks_exact(heads).zip(d.chunks_exact_mut(heads)) {
        for head in 0..heads {
            let moved = f64::from(x[head]) + f64::from(biases[head]);
            let (rate, d_decay) = (f64::from(log_rates[head]).exp(), f64::from(d[head]));
            let d_x = -rate * d_decay / (1.0 + (-moved).exp());
            rate_sums[head] -= rate * softplus(moved) * d_decay;
            bias_sums[head] += d_x;
            d[head] = narrow(d_x);
        }
    }
    for (gradients, sums) in [(d_log_rates, rate_sums), (d_biases, bias_sums)] {
        gradients.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += narrow(sum));
    }
}

/// `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn check(log_rates: &[f32], biases: &[f32], values: usize) -> usize {
    let heads = log_rates.len();
    assert!(heads > 0 && biases.len() == heads, "{heads} rates and {} biases", biases.len());
    assert!(values.is_multiple_of(heads), "{values} values of {heads} heads");
    heads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn is_the_plain_one(positions in 0usize..9, heads in 1usize..9, seed: u64) {
            let [rates, biases] = [seed, seed ^ 1].map(|seed| values(seed, heads));
            let (x, d) = (values(seed ^ 2, positions * heads), values(seed ^ 3, positions * heads));
            let mut found = x.clone();
            log_decays(&rates, &biases, &mut found);
            let mut expected = wide(&x);
            plain::log_decays(&wide(&rates), &wide(&biases), &mut expected);
            assert_close(&found, &expected, 1e-6);

            let (mut dx, mut d_rates, mut d_biases) = (d.clone(), vec![1.0; heads], vec![1.0; heads]);
            log_decays_backward(&rates, &biases, &x, &mut dx, &mut d_rates, &mut d_biases);
            let (mut expected, mut of_rates, mut of_biases) = (wide(&d), vec![1.0; heads], vec![1.0; heads]);
            plain::log_decays_backward(
                &wide(&rates), &wide(&biases), &wide(&x), &mut expected, &mut of_rates, &mut of_biases,
            );
            assert_close(&dx, &expected, 1e-6);
            assert_close(&d_rates, &of_rates, 1e-5);
            assert_close(&d_biases, &of_biases, 1e-5);
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let [rates, biases] = [1, 2].map(|seed| wide(&values(seed, 3)));
        let (x, d) = (wide(&values(3, 6)), wide(&values(4, 6)));
        let loss = |rates: &[f64], biases: &[f64], x: &[f64]| {
            let mut decays = x.to_vec();
            plain::log_decays(rates, biases, &mut decays);
            weighted(&decays, &d)
        };
        let (mut dx, mut d_rates, mut d_biases) = (d.clone(), vec![0.0; 3], vec![0.0; 3]);
        plain::log_decays_backward(&rates, &biases, &x, &mut dx, &mut d_rates, &mut d_biases);
        assert_gradient(|x| loss(&rates, &biases, x), &x, &dx);
        assert_gradient(|rates| loss(rates, &biases, &x), &rates, &d_rates);
        assert_gradient(|biases| loss(&rates, biases, &x), &biases, &d_biases);
    }

    #[test]
    fn large_numbers_overflow_nothing() {
        let mut x = [100.0, -1000.0];
        log_decays(&[0.0], &[0.0], &mut x);
        assert_eq!(x, [-100.0, 0.0]);
    }
}
