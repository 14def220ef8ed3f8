//! A loss as a sum and a count, so that a mean is made once, at the end.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// A summed negative log-likelihood, in nats, and the number of tokens it was summed over.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Nll {
    /// The sum over the scored tokens, in nats.
    pub sum: f64,
    /// How many tokens were scored.
    pub n_scored: u64,
}

impl Nll {
    /// The mean loss in nats per token, or `None` when nothing was scored.
    pub fn mean(&self) -> Option<f64> {
        (self.n_scored > 0).then(|| self.sum / self.n_scored as f64)
    }

    /// `exp(mean)`, or `None` when nothing was scored.
    pub fn perplexity(&self) -> Option<f64> {
        self.mean().map(f64::exp)
    }
}

impl AddAssign for Nll {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.n_scored += other.n_scored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_nothing_is_nothing() {
        assert_eq!(Nll::default().mean(), None);
        assert_eq!(Nll::default().perplexity(), None);
    }

    #[test]
    fn sums_add_and_divide_once() {
        let mut total = Nll { sum: 1.0, n_scored: 1 };
        total += Nll { sum: 8.0, n_scored: 2 };
        assert_eq!(total.mean(), Some(3.0)); // a mean of means would say 2.5
        assert!((total.perplexity().unwrap() - 3.0f64.exp()).abs() < 1e-12);
    }
}
