//! One model on one device, as a [`LossEngine`].

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_llama::{Llama, LlamaConfig, RopeScaling};

use crate::plan::{Batch, Limits, Plan};
use crate::workers::Workers;
use crate::{Error, label_losses};

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Llama,
    workers: Workers,
}

/// Hidden states of a batch, in bytes, for each worker.
const BATCH_BYTES: usize = 24 << 20;

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

    /// How this engine puts sequences together.
    pub fn limits(&self) -> Limits {
        limits(self.model.config(), self.threads())
    }

    /// The losses of a batch, one for each of [`Batch::losses`], in nats.
    fn batch_losses(&self, batch: &Batch) -> Vec<f32> {
        let hidden = self.model.hidden_states_of(batch.packed(), batch.rows());
        let (rows, labels): (Vec<usize>, Vec<u32>) = batch.losses().iter().copied().unzip();
        let hidden = if rows.len() == batch.rows().len() { hidden } else { select_rows(hidden, &rows) };
        label_losses(&self.model, &hidden, &labels)
    }
}

/// How a model of this config is run on the processor by so many threads.
pub fn limits(config: &LlamaConfig, threads: usize) -> Limits {
    Limits {
        rows: (BATCH_BYTES / (size_of::<f32>() * config.hidden_size)).max(1),
        lanes: threads,
        alone_beyond: matches!(config.rope.scaling, RopeScaling::Dynamic { .. })
            .then_some(config.max_position_embeddings),
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
        let plan = Plan::new(sequences, &self.limits());
        let order: Vec<usize> = (0..plan.n_batches()).collect();
        let found = self.workers.run(&order, |at| {
            let batch = plan.batch(at, sequences);
            let losses = self.batch_losses(&batch);
            batch.answers().iter().map(|answer| (answer.sequence, answer.taken_from(&losses))).collect::<Vec<_>>()
        });
        let mut known: Vec<Option<Vec<f32>>> = vec![None; sequences.len()];
        for (sequence, losses) in found.into_iter().flatten() {
            known[sequence] = Some(losses);
        }
        let of = |at| plan.run_as(at).and_then(|other| known[other].as_deref()).unwrap_or_default();
        Ok((0..sequences.len()).map(|at| sequence_loss(of(at), detail)).collect())
    }
}

fn sequence_loss(losses: &[f32], detail: Detail) -> SequenceLoss {
    SequenceLoss {
        nll: Nll { sum: losses.iter().copied().map(f64::from).sum(), n_scored: losses.len() as u64 },
        per_token: (detail == Detail::PerToken).then(|| losses.to_vec()),
    }
}
