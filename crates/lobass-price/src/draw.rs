//! Random numbers from the seed: speeds of devices, and failures of nodes.

use std::f64::consts::TAU;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{Cluster, Failures};

/// The stream of the speeds; that of a node's failures is its number.
const SPEEDS: u64 = u64::MAX;

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The speed of every device, 1 on average.
pub(crate) fn speeds(cluster: &Cluster, seed: u64) -> Vec<f64> {
    if cluster.speed_spread == 0.0 {
        return vec![1.0; cluster.devices];
    }
    let mut rng = stream(seed, SPEEDS);
    let drawn: Vec<f64> = (0..cluster.devices)
        .map(|_| 1.0 + cluster.speed_spread * normal(rng.random(), rng.random()).clamp(-3.0, 3.0))
        .collect();
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    drawn.into_iter().map(|speed| speed / mean).collect()
}

/// A normally distributed number from two uniform ones in `0..1` (Box and Muller 1958).
fn normal(radius: f64, angle: f64) -> f64 {
    (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
}

/// When nodes fail. The times of a node do not depend on those of other nodes.
#[derive(Debug)]
pub(crate) struct FailureTimes {
    mean: f64,
    /// For each node: its generator, and the last time drawn.
    nodes: Vec<(ChaCha8Rng, f64)>,
}

impl FailureTimes {
    pub(crate) fn new(failures: &Failures, n_nodes: usize, seed: u64) -> Self {
        let nodes = (0..n_nodes as u64).map(|node| (stream(seed, node), 0.0)).collect();
        Self { mean: failures.mtbf_seconds, nodes }
    }

    /// The next time at which a node fails, in seconds from the beginning.
    pub(crate) fn next(&mut self, node: usize) -> f64 {
        let (rng, time) = &mut self.nodes[node];
        *time -= self.mean * (1.0 - rng.random::<f64>()).ln();
        *time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_have_their_mean_and_their_spread() {
        let cluster = Cluster { speed_spread: 0.03, ..Cluster::of(4000) };
        let speeds = speeds(&cluster, 7);
        let mean = speeds.iter().sum::<f64>() / 4000.0;
        let variance = speeds.iter().map(|speed| (speed - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        assert!((variance.sqrt() - 0.03).abs() < 0.001, "{variance}");
        assert!(speeds.iter().all(|speed| (0.9..1.1).contains(speed)));
        assert_eq!(super::speeds(&Cluster { speed_spread: 0.3, ..Cluster::of(1) }, 7), [1.0]);
    }

    #[test]
    fn failures_come_at_their_rate_and_do_not_depend_on_other_nodes() {
        let failures = Failures { mtbf_seconds: 100.0, replacement_seconds: 0.0 };
        let mut times = FailureTimes::new(&failures, 2, 3);
        let first: Vec<f64> = (0..4000).map(|_| times.next(1)).collect();
        assert!(first.is_sorted());
        assert!((first[3999] / 4000.0 - 100.0).abs() < 5.0, "{}", first[3999]);
        let mut again = FailureTimes::new(&failures, 2, 3);
        again.next(0);
        assert_eq!(again.next(1), first[0]);
        assert_ne!(again.next(0), first[1]);
    }
}
