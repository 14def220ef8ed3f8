//! One model on one device.

use lobass_core::Sequence;
use lobass_model::{Decoder, DecoderSpec, LayerSpec};

use crate::Error;
use crate::lanes::Lanes;
use crate::plan::{Batch, Limits, Plan};

/// One model on one device.
#[derive(Debug)]
pub struct Engine {
    model: Decoder,
    lanes: Lanes,
    threads: usize,
    /// The most rows of a batch. `None` takes [`Lanes::limits`].
    rows: Option<usize>,
}

impl Engine {
    /// Takes a model and the number of threads; 0 counts as 1. Devices other than the processor need none.
    ///
    /// The number of threads changes the speed and nothing else.
    pub fn new(model: Decoder, threads: usize) -> Self {
        let threads = threads.max(1);
        Self { lanes: Lanes::of(&model, threads), model, threads, rows: None }
    }

    /// Makes batches as large as `bytes` allow, not counting the weights. Use it for a model whose layers are read from
    /// disk: each round of batches, one a thread, reads all layers once. `None` if the memory is less than
    /// [`FEWEST_ROWS`] rows take on every thread.
    ///
    /// The size of batches changes the speed and nothing else.
    #[must_use]
    pub fn within(self, bytes: u64) -> Option<Self> {
        self.within_for(bytes, 1)
    }

    /// [`Engine::within`], for batches that go through several models side by side ([`Together`](crate::Together)).
    #[must_use]
    pub(crate) fn within_for(self, bytes: u64, n_models: u64) -> Option<Self> {
        let spec = self.model.spec();
        // The hidden state of each further model, and a copy at the end.
        let further = (n_models - 1) * (2 * size_of::<f32>() * spec.hidden_size) as u64;
        let rows = bytes / self.lanes.count() as u64 / (row_bytes(spec) + further);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        (rows >= FEWEST_ROWS).then_some(Self { rows: Some(rows), ..self })
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
        let limits = self.lanes.limits(self.model.spec());
        Limits { rows: self.rows.unwrap_or(limits.rows), ..limits }
    }

    /// Runs a job on every batch of a plan.
    pub(crate) fn run<T: Send>(
        &self,
        plan: &Plan,
        sequences: &[Sequence],
        job: impl Fn(&Batch) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        self.lanes.run(plan, sequences, self.model.is_streamed(), job)
    }
}

/// The fewest rows of a batch within a limit on memory. With fewer, layers would be read for little work.
pub const FEWEST_ROWS: usize = 256;

/// The memory that a row of a batch takes, in bytes: four hidden states (before and after a layer, and two copies at the
/// end), and the keys and values that later rows read.
pub fn row_bytes(spec: &DecoderSpec) -> u64 {
    let mixed = spec.layers.iter().map(LayerSpec::mixed_width).max().unwrap_or_default();
    (size_of::<f32>() * (4 * spec.hidden_size + 2 * mixed)) as u64
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
