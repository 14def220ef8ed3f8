//! A vector of each sequence, from the pass that its losses come from.

use burn::tensor::Tensor;
use lobass_core::Sequence;

use crate::judge::verdicts;
use crate::plan::{Answer, Batch, Reach};
use crate::rows::select_rows;
use crate::{Engine, Error, Judge};

const EVERY_SEQUENCE: &str = "a plan of whole sequences runs all of them";

impl Engine {
    /// The vector of every sequence, in order.
    pub(crate) fn vectors(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Error> {
        let found = self.pass(Reach::Whole, sequences, |batch| {
            let hidden = self.model().hidden_states(batch.packed());
            batch.vectors(hidden)
        })?;
        Ok(found.into_iter().map(|vector| vector.expect(EVERY_SEQUENCE)).collect())
    }

    /// The result of `answer` on the verdicts of each sequence's scored tokens, and the sequence's vector, from one
    /// pass.
    pub(crate) fn judged_with_vectors<J: Judge + ?Sized, A: Clone + Send>(
        &self,
        judge: &J,
        sequences: &[Sequence],
        answer: impl Fn(&[J::Verdict]) -> A + Sync,
    ) -> Result<Vec<(A, Vec<f32>)>, Error> {
        let found = self.pass(Reach::Whole, sequences, |batch| {
            let hidden = self.model().hidden_states(batch.packed());
            let (rows, labels): (Vec<usize>, Vec<u32>) =
                batch.losses().iter().map(|&(place, label)| (batch.rows()[place], label)).unzip();
            let verdicts = match labels.is_empty() {
                true => Vec::new(),
                false => verdicts(judge, self.model(), &select_rows(hidden.clone(), &rows), &labels),
            };
            let answers = batch.answers().iter().map(|at| answer(&at.taken_from(&verdicts)));
            let answers: Vec<A> = answers.collect();
            batch
                .vectors(hidden)
                .into_iter()
                .zip(answers)
                .map(|((at, vector), found)| (at, (found, vector)))
                .collect()
        })?;
        Ok(found.into_iter().map(|answer| answer.expect(EVERY_SEQUENCE)).collect())
    }
}

impl Batch {
    /// The vector of each of its answers' sequences, given the hidden states of all rows.
    fn vectors(&self, hidden: Tensor<2>) -> Vec<(usize, Vec<f32>)> {
        let dim = hidden.dims()[1];
        let hidden = hidden.into_data().try_into_vec::<f32>().expect("hidden states are f32");
        let vector = |answer: &Answer| weighted_mean(&hidden, dim, &self.packed().path(answer.last_row));
        self.answers().iter().map(|answer| (answer.sequence, vector(answer))).collect()
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
