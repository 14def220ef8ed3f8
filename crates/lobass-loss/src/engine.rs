//! One model on one device.

use lobass_core::Sequence;
use lobass_model::Decoder;

use crate::Error;
use crate::lanes::Lanes;
use crate::plan::{Batch, Limits, Plan};

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Decoder,
    lanes: Lanes,
    threads: usize,
}

impl Engine {
    /// Takes a model and the number of threads; 0 counts as 1. Devices other than the processor need none.
    ///
    /// The number of threads changes the speed and nothing else.
    pub fn new(model: Decoder, threads: usize) -> Self {
        let threads = threads.max(1);
        Self { lanes: Lanes::of(&model, threads), model, threads }
    }

    /// The model.
    pub fn model(&self) -> &Decoder {
        &self.model
    }

    /// The number of threads that it was made with.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Gives the model back.
    pub fn into_model(self) -> Decoder {
        self.model
    }

    /// How this engine puts sequences together.
    pub fn limits(&self) -> Limits {
        self.lanes.limits(self.model.spec())
    }

    /// Runs a job on every batch of a plan.
    pub(crate) fn run<T: Send>(
        &self,
        plan: &Plan,
        sequences: &[Sequence],
        job: impl Fn(&Batch) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        self.lanes.run(plan, sequences, job)
    }
}

/// Checks that a model has an embedding for every token of some sequences.
///
/// # Errors
/// [`Error::TokenOutOfRange`], naming the first sequence that has none.
pub fn check_ids(model: &Decoder, sequences: &[Sequence]) -> Result<(), Error> {
    let vocab_size = model.spec().vocab_size;
    let misfit = sequences.iter().enumerate().find_map(|(at, sequence)| {
        let id = sequence.input_ids().iter().find(|&&id| id as usize >= vocab_size)?;
        Some(Error::TokenOutOfRange { sequence: at, id: *id, vocab_size })
    });
    misfit.map_or(Ok(()), Err)
}
