//! One model on one device, and how its batches are run.

use std::ops::Range;

use lobass_core::Sequence;
use lobass_llama::host::is_host;
use lobass_llama::{Llama, LlamaConfig, RopeScaling};

use crate::Error;
use crate::halving::{in_halves, without_panic};
use crate::plan::{Batch, Limits, Plan};
use crate::workers::Workers;

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Llama,
    workers: Workers,
}

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
