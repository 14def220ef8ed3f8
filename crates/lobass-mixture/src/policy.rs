//! The policy: shares of sources that follow where the loss falls.

use serde::{Deserialize, Serialize};

/// How quickly the credit follows what was drawn; `gamma_1` of the paper.
const CREDIT_RATE: f64 = 0.1;

/// The part of the newest preference in the shares; `gamma_2` of the paper.
const NEWEST: f64 = 0.1;

/// The policy of ADO, and its state: the credit of each source, and the running mean of preferences.
///
/// The credit enters by its root. The first public version had the root of `h (1 - h)` instead.
///
/// Source: ADO (arXiv 2410.11820), algorithm 1, as the official implementation has it since December 2024. The
/// preference that a source has at least is ours for more than fifty sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    prior: Vec<f64>,
    credit: Vec<f64>,
    mean: Vec<f64>,
    shares: Vec<f64>,
}

/// The least preference of one of `k` sources, before preferences are scaled to sum to 1.
pub fn least_preference(k: usize) -> f64 {
    (0.5 / k.max(1) as f64).min(0.01)
}

impl Policy {
    /// Begins at the prior.
    ///
    /// - `prior`: a weight for each source, scaled to sum to 1; a source without weight is never drawn
    pub fn new(prior: &[f64]) -> Self {
        let prior = scaled(prior);
        Self { credit: prior.clone(), mean: prior.clone(), shares: prior.clone(), prior }
    }

    /// The shares of the next batch; they sum to 1.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Gives credit for a batch.
    ///
    /// - `drawn`: the share of each source in the batch
    pub fn credit(&mut self, drawn: &[f64]) {
        for (credit, drawn) in self.credit.iter_mut().zip(drawn) {
            *credit = (1.0 - CREDIT_RATE) * *credit + CREDIT_RATE * drawn;
        }
    }

    /// Moves the shares after a step.
    ///
    /// Potentials matter by their ratios only. A source without a potential counts as the mean of the others. If no
    /// source has one above 0, the shares stay.
    ///
    /// - `step`: steps of the training so far, from 1
    /// - `potentials`: [`Law::policy_potential`](crate::Law::policy_potential) of each source
    pub fn follow(&mut self, step: usize, potentials: &[Option<f64>]) {
        let lambda: Vec<f64> = self.prior.iter().zip(&self.credit).map(|(mu, h)| mu * h.sqrt()).collect();
        let known = || lambda.iter().zip(potentials).filter_map(|(l, potential)| Some((l, (*potential)?)));
        let sum: f64 = known().map(|(lambda, potential)| lambda * potential).sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return;
        }
        let mean = sum / known().map(|(lambda, _)| lambda).sum::<f64>();
        let wanted = lambda.iter().zip(potentials).map(|(l, potential)| l * potential.unwrap_or(mean));
        let least = least_preference(self.prior.iter().filter(|weight| **weight > 0.0).count());
        let preference = scaled(&wanted.collect::<Vec<_>>());
        let raised = |(share, weight): (&f64, &f64)| if *weight > 0.0 { share.max(least) } else { 0.0 };
        let preference = scaled(&preference.iter().zip(&self.prior).map(raised).collect::<Vec<_>>());
        let newest = 1.0 / (step as f64 + 1.0);
        for (at, preference) in preference.into_iter().enumerate() {
            self.shares[at] = (1.0 - NEWEST) * self.mean[at] + NEWEST * preference;
            self.mean[at] = (1.0 - newest) * self.mean[at] + newest * preference;
        }
    }
}

pub(crate) fn scaled(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Law;
    use crate::fixture::Fixture;

    #[test]
    fn a_replay_has_the_shares_of_numpy() {
        let replay = Fixture::read().replay;
        let mut policy = Policy::new(&replay.prior);
        for (at, step) in replay.steps.iter().enumerate() {
            let n_rows = step.counts.iter().sum::<u64>() as f64;
            policy.credit(&step.counts.iter().map(|&count| count as f64 / n_rows).collect::<Vec<_>>());
            let potential = |at: usize| {
                let (drop, alpha, eps) = (step.beta[at], step.alpha[at], step.eps[at]);
                Some(Law { n_first: 1.0, drop, alpha, eps }.policy_potential(step.n))
            };
            policy.follow(at + 1, &(0..4).map(potential).collect::<Vec<_>>());
            for (found, expected) in policy.shares().iter().zip(&step.shares) {
                assert!((found - expected).abs() < 1e-10, "step {}: {found} {expected}", at + 1);
            }
        }
        assert_eq!(replay.steps.len(), 200);
    }

    /// Shares after some steps with batches that have the shares of the moment.
    fn run(prior: &[f64], n_steps: usize, potentials: &[Option<f64>]) -> Vec<Vec<f64>> {
        let mut policy = Policy::new(prior);
        let step = |step| {
            let drawn = policy.shares().to_vec();
            policy.credit(&drawn);
            policy.follow(step, potentials);
            policy.shares().to_vec()
        };
        (10..10 + n_steps).map(step).collect()
    }

    #[test]
    fn equal_sources_keep_the_prior() {
        for potentials in
            [[Some(0.3); 5], [None; 5], [Some(0.0); 5], [Some(2.0), None, None, Some(2.0), None]]
        {
            for shares in run(&[1.0; 5], 300, &potentials) {
                assert!(shares.iter().all(|share| (share - 0.2).abs() < 1e-9), "{shares:?}");
            }
        }
    }

    #[test]
    fn a_flat_source_loses_its_share() {
        let shares = run(&[1.0, 1.0], 5_000, &[Some(0.1), Some(0.0)]);
        let flat: Vec<f64> = shares.iter().map(|shares| shares[1]).collect();
        assert!(flat.is_sorted_by(|a, b| a >= b), "{flat:?}");
        let floor = 0.01 / 1.01;
        assert!(flat[4_999] < floor + 2e-3 && flat[4_999] > floor, "{}", flat[4_999]);
    }

    #[test]
    fn one_source_has_all() {
        assert!(run(&[7.0], 50, &[Some(0.2)]).iter().all(|shares| (shares[0] - 1.0).abs() < 1e-12));
        assert_eq!([1, 50, 100, 1_000].map(least_preference), [0.01, 0.01, 0.005, 0.0005]);
    }

    #[test]
    fn a_source_without_weight_stays_without() {
        let shares = run(&[1.0, 0.0, 1.0], 200, &[Some(0.2), None, Some(0.0)]).pop().unwrap();
        assert!(shares[1] == 0.0 && shares[0] > 0.8, "{shares:?}");
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_and_follow_their_sources(
            sources in prop::collection::vec((0.01f64..1.0, prop::option::of(0.0f64..2.0)), 2..130),
            n_steps in 1usize..60,
        ) {
            let (prior, potentials): (Vec<f64>, Vec<_>) = sources.iter().copied().unzip();
            let shares = run(&prior, n_steps, &potentials).pop().unwrap();
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            // The preference is scaled by at most 1 + 0.5 after the least one is raised, and enters by a tenth.
            let least = 0.1 * least_preference(prior.len()) / 1.5;
            if potentials.iter().flatten().any(|potential| *potential > 0.0) {
                prop_assert!(shares.iter().all(|share| *share >= least));
            }
            // Permuted sources have permuted shares.
            let (prior, potentials): (Vec<f64>, Vec<_>) = sources.iter().rev().copied().unzip();
            let reversed = run(&prior, n_steps, &potentials).pop().unwrap();
            for (a, b) in shares.iter().zip(reversed.iter().rev()) {
                prop_assert!((a - b).abs() < 1e-12);
            }
            // Identical sources have equal shares.
            let (prior, potentials) = ([&prior[..], &prior[..1]].concat(), [&potentials[..], &potentials[..1]].concat());
            let twins = run(&prior, n_steps, &potentials).pop().unwrap();
            prop_assert!((twins[0] - twins[twins.len() - 1]).abs() < 1e-12);
        }
    }
}
