//! How many questions it takes to find a leak: the test on made-up scores, of a model that knows a share of them.
//!
//! Run with `cargo run -p lobass-leakage --example known`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_leakage::{Placed, Tally};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

const ORDERS: usize = 24;

/// The tally of so many questions, of which a model knows a share.
fn tally(n: usize, known: f64, seed: u64) -> Tally {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut question = || {
        let mut scores: Vec<f64> = (0..ORDERS).map(|_| random.random_range(-60.0..-50.0)).collect();
        if random.random_bool(known) {
            scores[0] += 10.0;
        }
        Placed::of(&scores)
    };
    let placed: Vec<Placed> = (0..n).map(|_| question()).collect();
    Tally::of(&placed)
}

fn main() {
    println!("questions  known  on top                  p        p of the height");
    for n in [50, 200, 1000] {
        for known in [0.0, 0.05, 0.2] {
            let Tally { share, interval: (low, high), p, p_of_height, .. } = tally(n, known, 7);
            println!(
                "{n:9}  {known:5}  {:4.1} % [{:4.1}, {:4.1}]  {p:7.0e}  {p_of_height:7.0e}",
                100.0 * share,
                100.0 * low,
                100.0 * high
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_a_thousand_questions_is_enough() {
        assert!(tally(1000, 0.2, 7).p < 1e-20);
        assert!(tally(1000, 0.0, 7).p > 1e-3);
    }
}
