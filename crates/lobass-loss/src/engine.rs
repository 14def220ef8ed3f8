//! One model on one device, as a [`LossEngine`].

use std::ops::Range;

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_llama::host::is_host;
use lobass_llama::{Llama, LlamaConfig, RopeScaling};

use crate::halving::{in_halves, without_panic};
use crate::plan::{Batch, Limits, Plan};
use crate::workers::Workers;
use crate::{Error, label_losses};

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Llama,
    workers: Workers,
}

/// A sequence, and the losses of its scored positions.
type Answered = (usize, Vec<f32>);

/// Hidden states of a batch on the processor, in bytes, for each worker. Everything else is made for a part of them at
/// a time.
const HOST_BYTES: usize = 16 << 20;
/// What lies between two layers of a batch on other devices, in bytes.
const DEVICE_BYTES: usize = 2 << 30;

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
        let config = self.model.config();
        if is_host(&self.model.device()) { limits(config, self.threads()) } else { device_limits(config) }
    }

    /// Runs a job on every batch of a plan: beside each other on the processor; elsewhere one after the other, and one
    /// that the device has no memory for in halves.
    pub(crate) fn run<T: Send>(
        &self,
        plan: &Plan,
        sequences: &[Sequence],
        job: impl Fn(&Batch) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        if is_host(&self.model.device()) {
            let order: Vec<usize> = (0..plan.n_batches()).collect();
            return Ok(self.workers.run(&order, |at| job(&plan.batch(at, sequences))));
        }
        let mut found = Vec::new();
        let mut splits = 0;
        let mut run = |members: Range<usize>| without_panic(|| Ok(job(&plan.part(members, sequences))));
        for at in 0..plan.n_batches() {
            let parts = in_halves(plan.members(at), &mut splits, &mut run);
            found.extend(parts.map_err(|reason| Error::Device { reason })?);
        }
        Ok(found)
    }

    fn answers(&self, batch: &Batch) -> Vec<Answered> {
        let losses = self.batch_losses(batch);
        batch.answers().iter().map(|answer| (answer.sequence, answer.taken_from(&losses))).collect()
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
        rows: (HOST_BYTES / (size_of::<f32>() * config.hidden_size)).max(1),
        lanes: threads,
        alone_beyond: alone_beyond(config),
    }
}

/// How a model of this config is run elsewhere, all rows of a batch at once.
fn device_limits(config: &LlamaConfig) -> Limits {
    let heads = (config.num_attention_heads + config.num_key_value_heads) * config.head_dim;
    let values = 4 * config.hidden_size + 3 * config.intermediate_size + 4 * heads;
    Limits {
        rows: (DEVICE_BYTES / (size_of::<f32>() * values)).max(1),
        lanes: 1,
        alone_beyond: alone_beyond(config),
    }
}

fn alone_beyond(config: &LlamaConfig) -> Option<usize> {
    matches!(config.rope.scaling, RopeScaling::Dynamic { .. }).then_some(config.max_position_embeddings)
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
        let found = self.run(&plan, sequences, |batch| self.answers(batch))?;
        let mut known: Vec<Option<Vec<f32>>> = vec![None; sequences.len()];
        for (sequence, losses) in found.into_iter().flatten() {
            known[sequence] = Some(losses);
        }
        let of = |at| plan.run_as(at).and_then(|other| known[other].as_deref()).unwrap_or_default();
        Ok((0..sequences.len()).map(|at| sequence_loss(of(at), detail)).collect())
    }
}

pub(crate) fn sequence_loss(losses: &[f32], detail: Detail) -> SequenceLoss {
    SequenceLoss {
        nll: Nll { sum: losses.iter().copied().map(f64::from).sum(), n_scored: losses.len() as u64 },
        per_token: (detail == Detail::PerToken).then(|| losses.to_vec()),
    }
}
