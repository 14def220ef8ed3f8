//! The law: how the loss of a source falls with the amount of data.

use serde::{Deserialize, Serialize};

/// `L(n) = eps + drop (n / n_first)^-alpha`: the loss of a source, in nats per scored token, after `n` scored tokens.
///
/// Here `drop` belongs to a unit-free count, so it is of the order of a loss. [`Law::beta`] is the factor of the paper.
///
/// Source: ADO (arXiv 2410.11820), eq. 2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// The count of the first point that the law was fitted to.
    pub n_first: f64,
    /// The part of the loss at `n_first` that more data takes away.
    pub drop: f64,
    /// The exponent.
    pub alpha: f64,
    /// The loss that the curve tends to. It depends on the learning-rate schedule, so it does not describe the data alone.
    pub eps: f64,
}

/// The smallest exponent that the policy counts with.
///
/// Source: the official implementation of ADO.
pub const LEAST_ALPHA: f64 = 0.05;

impl Law {
    /// The loss after `n` scored tokens.
    pub fn loss(&self, n: f64) -> f64 {
        self.eps + self.falling(n)
    }

    /// The learning potential `alpha (L(n) - eps)`: the loss that is shed per e-fold of data, in nats.
    pub fn potential(&self, n: f64) -> f64 {
        self.alpha * self.falling(n)
    }

    /// The potential that the policy counts with: an exponent below [`LEAST_ALPHA`] counts as that.
    pub fn policy_potential(&self, n: f64) -> f64 {
        self.alpha.max(LEAST_ALPHA) * self.falling(n)
    }

    /// The factor of the paper's form `eps + beta n^-alpha`.
    pub fn beta(&self) -> f64 {
        self.drop * self.n_first.powf(self.alpha)
    }

    fn falling(&self, n: f64) -> f64 {
        self.drop * (n / self.n_first).powf(-self.alpha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_s_form_is_the_same() {
        let law = Law { n_first: 640.0, drop: 1.5, alpha: 0.35, eps: 0.6 };
        let n = 50_000f64;
        let paper = 0.6 + law.beta() * n.powf(-0.35);
        assert!((law.loss(n) - paper).abs() < 1e-12);
        let slope = (law.loss(n * 1.000_01) - law.loss(n)) / 1.000_01f64.ln();
        assert!((law.potential(n) + slope).abs() < 1e-5 * law.potential(n));
    }
}
