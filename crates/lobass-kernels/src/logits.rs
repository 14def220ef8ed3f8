//! What the products of a head count as: times a factor, and perhaps capped.

use crate::activation::tanh;
use crate::lanes::vectorized;

/// The form of logits, as a function of the products of a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitForm {
    /// What products are multiplied with.
    pub scale: f32,
    /// With a cap `c`, a scaled product `x` counts as `c * tanh(x / c)`.
    pub cap: Option<f32>,
}

impl LogitForm {
    /// Products as they are.
    pub const PLAIN: Self = Self { scale: 1.0, cap: None };
}

/// Replaces products by logits.
///
/// Source: `CohereForCausalLM.forward` (a factor) and `Gemma2ForCausalLM.forward` (a cap) of transformers.
pub fn logits(form: LogitForm, products: &mut [f32]) {
    let LogitForm { scale, cap } = form;
    vectorized(
        #[inline(always)]
        || match cap {
            None => {
                for x in products {
                    *x *= scale;
                }
            }
            Some(cap) => {
                let inverse = scale / cap;
                for x in products {
                    *x = cap * tanh(*x * inverse);
                }
            }
        },
    );
}

/// Replaces the gradient of logits by that of products.
///
/// # Panics
/// If there are not as many logits.
pub fn logits_backward(form: LogitForm, logits: &[f32], d_logits: &mut [f32]) {
    assert_eq!(logits.len(), d_logits.len(), "logits, and their gradient");
    let LogitForm { scale, cap } = form;
    vectorized(
        #[inline(always)]
        || match cap {
            None => {
                for d in d_logits {
                    *d *= scale;
                }
            }
            Some(cap) => {
                let inverse = 1.0 / cap;
                for (d, logit) in d_logits.iter_mut().zip(logits) {
                    // d (c tanh(x / c)) / dx = 1 - tanh(x / c)^2
                    let share = logit * inverse;
                    *d *= scale * share.mul_add(-share, 1.0);
                }
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
        fn is_the_plain_one(
            len in 0usize..70, scale in 0.1f32..4.0, cap in prop::option::of(0.5f32..30.0), seed: u64,
        ) {
            let form = LogitForm { scale, cap };
            let (mut found, d_logits) = (values(seed, len), values(seed ^ 1, len));
            let mut expected = wide(&found);
            logits(form, &mut found);
            plain::logits(form, &mut expected);
            assert_close(&found, &expected, 1e-6);
            let (mut d_found, mut d_expected) = (d_logits.clone(), wide(&d_logits));
            logits_backward(form, &found, &mut d_found);
            plain::logits_backward(form, &expected, &mut d_expected);
            // The slope doubles what the tangent is off by, and the scale multiplies it.
            assert_close(&d_found, &d_expected, 3e-6 * f64::from(scale.max(1.0)));
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (products, weights) = (wide(&values(1, 9)), wide(&values(2, 9)));
        for form in [LogitForm { scale: 0.25, cap: None }, LogitForm { scale: 2.0, cap: Some(1.5) }] {
            let of = |products: &[f64]| {
                let mut logits = products.to_vec();
                plain::logits(form, &mut logits);
                logits
            };
            let mut gradient = weights.clone();
            plain::logits_backward(form, &of(&products), &mut gradient);
            assert_gradient(|products| weighted(&of(products), &weights), &products, &gradient);
        }
    }

    #[test]
    fn plain_logits_are_the_products() {
        let mut found = values(3, 9);
        logits(LogitForm::PLAIN, &mut found);
        assert_eq!(found, values(3, 9));
    }
}
