//! A loss engine in twenty lines: the loss of a token under a unigram model.
//!
//! Run with `cargo run -p lobass-core --example unigram_engine`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::convert::Infallible;

use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};

struct Unigram {
    probability: Vec<f64>,
}

impl LossEngine for Unigram {
    type Error = Infallible;

    fn vocab_size(&self) -> usize {
        self.probability.len()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Infallible> {
        let loss_of = |label: u32| -self.probability[label as usize].ln();
        Ok(sequences
            .iter()
            .map(|sequence| SequenceLoss {
                nll: Nll {
                    sum: sequence.scored_labels().map(loss_of).sum(),
                    n_scored: sequence.n_scored() as u64,
                },
                #[expect(clippy::cast_possible_truncation, reason = "per-token losses are f32")]
                per_token: (detail == Detail::PerToken)
                    .then(|| sequence.scored_labels().map(|label| loss_of(label) as f32).collect()),
            })
            .collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Unigram { probability: vec![0.5, 0.25, 0.25] };
    let sequence = Sequence::from_scored_tokens(vec![0, 1, 2], &[false, true, true])?;
    let loss = engine.losses(&[sequence], Detail::PerToken)?;
    println!("{:?}", loss[0]);
    Ok(())
}
