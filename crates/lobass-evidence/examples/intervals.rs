//! Two strategies on the same four held-out examples: who is better, and how sure that is.
//!
//! Run with `cargo run -p lobass-evidence --example intervals`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_evidence::{ALL, Arm, Bootstrap, Error, Outcome, measure};

/// Trials of an arm: the nats of each example, which has ten tokens, and how many of those greedy decoding gives.
fn arm(strategy: &str, trials: &[[(f64, u64); 4]]) -> Arm {
    let outcome = |(nll, n_matched)| Outcome { nll, n_scored: 10, n_matched, choice: None, answer: None };
    let trials = trials.iter().map(|trial| trial.map(outcome).to_vec()).collect();
    Arm { strategy: strategy.to_owned(), matching: None, trials }
}

fn main() -> Result<(), Error> {
    let arms = [
        arm(
            "lobass",
            &[[(4.0, 10), (12.0, 7), (9.0, 8), (20.0, 4)], [(5.0, 10), (11.0, 7), (9.5, 8), (19.0, 5)]],
        ),
        arm(
            "random",
            &[[(6.0, 9), (13.0, 6), (9.0, 8), (21.0, 4)], [(6.5, 9), (13.0, 6), (10.0, 8), (20.0, 4)]],
        ),
    ];
    let sources = ["sums".to_owned(), "tales".to_owned()];
    let found = measure(&arms, &sources, &[0, 0, 1, 1], &["random"], &Bootstrap::default())?;
    for (arm, results) in arms.iter().zip(&found.results) {
        for result in results {
            println!("{:8} {:6} {:.3} nats per token", arm.strategy, result.source, result.loss.value);
        }
    }
    for difference in found.differences.iter().filter(|difference| difference.source == ALL) {
        let loss = difference.loss;
        println!(
            "{} minus {}: {:+.3}, between {:+.3} and {:+.3}",
            difference.strategy, difference.baseline, loss.value, loss.low, loss.high
        );
    }
    Ok(())
}
