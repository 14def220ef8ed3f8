//! The reference of the optimizer.

use crate::AdamW;

/// One step of [`adamw`](crate::adamw()), in `torch`'s order.
pub fn adamw(step: AdamW, weights: &mut [f64], gradients: &[f64], means: &mut [f64], squares: &mut [f64]) {
    let (learning_rate, decay) = (f64::from(step.learning_rate), f64::from(step.weight_decay));
    let (beta_1, beta_2) = (f64::from(step.beta_1), f64::from(step.beta_2));
    for at in 0..weights.len() {
        weights[at] *= 1.0 - learning_rate * decay;
        means[at] = beta_1 * means[at] + (1.0 - beta_1) * gradients[at];
        squares[at] = beta_2 * squares[at] + (1.0 - beta_2) * gradients[at].powi(2);
        let mean = means[at] / f64::from(step.correction_1);
        let root = squares[at].sqrt() / f64::from(step.correction_2_sqrt);
        weights[at] -= learning_rate * mean / (root + f64::from(step.epsilon));
    }
}
