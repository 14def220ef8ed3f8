//! One model on one device, as a [`LossEngine`].

use std::cmp::Reverse;

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_llama::{Llama, Packed};

use crate::workers::Workers;
use crate::{Error, label_losses};

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Llama,
    workers: Workers,
}

impl Engine {
    /// Takes a model and the number of worker threads; 0 counts as 1.
    ///
    /// The number of threads changes the speed and nothing else.
    pub fn new(model: Llama, threads: usize) -> Self {
        Self { model, workers: Workers::new(threads) }
    }

    /// The model.
    pub fn model(&self) -> &Llama {
        &self.model
    }

    /// The number of worker threads.
    pub fn threads(&self) -> usize {
        self.workers.count()
    }

    /// Gives the model back.
    pub fn into_model(self) -> Llama {
        self.model
    }

    fn loss(&self, sequence: &Sequence, detail: Detail) -> SequenceLoss {
        let losses = if sequence.n_scored() == 0 { Vec::new() } else { self.token_losses(sequence) };
        SequenceLoss {
            nll: Nll { sum: losses.iter().copied().map(f64::from).sum(), n_scored: losses.len() as u64 },
            per_token: (detail == Detail::PerToken).then_some(losses),
        }
    }

    fn token_losses(&self, sequence: &Sequence) -> Vec<f32> {
        let packed = Packed::new([sequence.input_ids()]);
        let labels: Vec<u32> = sequence.scored_labels().collect();
        let rows: Vec<usize> = sequence.scored_positions().collect();
        let hidden = select_rows(self.model.hidden_states(&packed), &rows);
        label_losses(&self.model, &hidden, &labels)
    }
}

/// Some rows of a matrix, `[rows, width]` to `[chosen, width]`.
pub fn select_rows(matrix: Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let rows = indices(rows, &matrix.device());
    matrix.select(0, rows)
}

/// The gradient of [`select_rows`]: rows in their places among `n_rows`, zero elsewhere.
pub fn select_rows_backward(d_rows: Tensor<2>, rows: &[usize], n_rows: usize) -> Tensor<2> {
    let (device, width) = (d_rows.device(), d_rows.dims()[1]);
    let empty = Tensor::zeros([n_rows, width], &device);
    empty.select_assign(0, indices(rows, &device), d_rows, IndexingUpdateOp::Add)
}

#[expect(clippy::cast_possible_wrap, reason = "positions are far below 2^63")]
fn indices(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

/// Checks that a model has an embedding for every token of some sequences.
///
/// # Errors
/// [`Error::TokenOutOfRange`], naming the first sequence that has none.
pub fn check_ids(model: &Llama, sequences: &[Sequence]) -> Result<(), Error> {
    let vocab_size = model.config().vocab_size;
    let misfit = sequences.iter().enumerate().find_map(|(at, sequence)| {
        let id = sequence.input_ids().iter().find(|&&id| id as usize >= vocab_size)?;
        Some(Error::TokenOutOfRange { sequence: at, id: *id, vocab_size })
    });
    misfit.map_or(Ok(()), Err)
}

impl LossEngine for Engine {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.model.config().vocab_size
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        check_ids(&self.model, sequences)?;
        // Longest first: the last jobs to finish are then short ones.
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&at| Reverse(sequences[at].n_tokens()));
        Ok(self.workers.run(&order, |at| self.loss(&sequences[at], detail)))
    }
}
