//! The reference of scaled and capped logits.

use crate::LogitForm;

/// [`logits`](crate::logits()), one after another.
pub fn logits(form: LogitForm, products: &mut [f64]) {
    for x in products {
        *x *= f64::from(form.scale);
        *x = form.cap.map_or(*x, |cap| f64::from(cap) * (*x / f64::from(cap)).tanh());
    }
}

/// [`logits_backward`](crate::logits_backward), one after another.
pub fn logits_backward(form: LogitForm, logits: &[f64], d_logits: &mut [f64]) {
    for (d, logit) in d_logits.iter_mut().zip(logits) {
        *d *= f64::from(form.scale) * form.cap.map_or(1.0, |cap| 1.0 - (logit / f64::from(cap)).powi(2));
    }
}
