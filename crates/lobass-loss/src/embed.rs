//! A vector of each sequence, from the pass that its losses come from.

use burn::tensor::Tensor;
use lobass_core::{Detail, EmbeddingEngine, Sequence, SequenceLoss};
use lobass_llama::host::Lent;

use crate::engine::{check_ids, select_rows, sequence_loss};
use crate::plan::{Batch, Plan};
use crate::{Engine, Error, label_losses};

/// A sequence, the losses of its scored positions if they were asked for, and its vector.
struct Answered {
    sequence: usize,
    losses: Vec<f32>,
    vector: Vec<f32>,
}

impl Engine {
    fn pooled(
        &self,
        sequences: &[Sequence],
        with_losses: bool,
    ) -> Result<(Plan, Vec<Option<Answered>>), Error> {
        check_ids(self.model(), sequences)?;
        let plan = Plan::whole(sequences, &self.limits());
        let found = self.run(&plan, sequences, |batch| self.pooled_batch(batch, with_losses))?;
        let mut known: Vec<Option<Answered>> = sequences.iter().map(|_| None).collect();
        for answered in found.into_iter().flatten() {
            let sequence = answered.sequence;
            known[sequence] = Some(answered);
        }
        Ok((plan, known))
    }

    fn pooled_batch(&self, batch: &Batch, with_losses: bool) -> Vec<Answered> {
        let hidden = self.model().hidden_states(batch.packed());
        let losses = match with_losses && batch.n_losses() > 0 {
            true => self.losses_of(batch, hidden.clone()),
            false => Vec::new(),
        };
        let dim = hidden.dims()[1];
        let hidden = Lent::new(hidden);
        let answer = |answer: &crate::plan::Answer| Answered {
            sequence: answer.sequence,
            losses: if with_losses { answer.taken_from(&losses) } else { Vec::new() },
            vector: weighted_mean(hidden.values(), dim, &batch.packed().path(answer.last_row)),
        };
        batch.answers().iter().map(answer).collect()
    }

    fn losses_of(&self, batch: &Batch, hidden: Tensor<2>) -> Vec<f32> {
        let (rows, labels): (Vec<usize>, Vec<u32>) =
            batch.losses().iter().map(|&(place, label)| (batch.rows()[place], label)).unzip();
        label_losses(self.model(), &select_rows(hidden, &rows), &labels)
    }
}

/// The mean of some rows of a matrix of `dim` columns, each weighted by its place among them, counted from 1. Sums are
/// `f64`, one row after the other.
#[expect(clippy::cast_possible_truncation, reason = "hidden states are f32")]
fn weighted_mean(values: &[f32], dim: usize, rows: &[usize]) -> Vec<f32> {
    let mut sums = vec![0.0f64; dim];
    for (place, &row) in rows.iter().enumerate() {
        let weight = (place + 1) as f64;
        let row = &values[row * dim..(row + 1) * dim];
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += weight * f64::from(value));
    }
    let whole = (rows.len() * (rows.len() + 1)) as f64 / 2.0;
    sums.into_iter().map(|sum| (sum / whole) as f32).collect()
}

impl EmbeddingEngine for Engine {
    fn dim(&self) -> usize {
        self.model().config().hidden_size
    }

    fn embeddings(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Error> {
        let (plan, known) = self.pooled(sequences, false)?;
        Ok((0..sequences.len()).map(|at| of(&plan, &known, at).vector.clone()).collect())
    }

    fn losses_and_embeddings(
        &self,
        sequences: &[Sequence],
        detail: Detail,
    ) -> Result<Vec<(SequenceLoss, Vec<f32>)>, Error> {
        let (plan, known) = self.pooled(sequences, true)?;
        let answer = |at| {
            let answered = of(&plan, &known, at);
            (sequence_loss(&answered.losses, detail), answered.vector.clone())
        };
        Ok((0..sequences.len()).map(answer).collect())
    }
}

fn of<'a>(plan: &Plan, known: &'a [Option<Answered>], sequence: usize) -> &'a Answered {
    let run_as = plan.run_as(sequence).and_then(|other| known[other].as_ref());
    run_as.expect("a plan of whole sequences runs all of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rows_weigh_more() {
        // Three rows of two columns; the sequence has the last one first.
        let values = [1.0, 0.0, 4.0, 2.0, 7.0, 6.0];
        // (1 * 7 + 2 * 1 + 3 * 4) / 6 and (1 * 6 + 2 * 0 + 3 * 2) / 6.
        assert_eq!(weighted_mean(&values, 2, &[2, 0, 1]), [3.5, 2.0]);
        assert_eq!(weighted_mean(&values, 2, &[1]), [4.0, 2.0]);
    }
}
