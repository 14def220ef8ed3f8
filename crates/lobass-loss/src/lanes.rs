//! How batches run: beside each other on threads, or one after the other on a device.

use std::ops::Range;

use lobass_core::{Dtype, Sequence};
use lobass_model::{Concurrency, Decoder, DecoderSpec, to_burn};

use crate::halving::{in_halves, without_panic};
use crate::plan::{Batch, Limits, Plan};
use crate::{Error, Workers};

/// Hidden states of a batch on the processor, in bytes, for each worker. Everything else is made for a part of them at
/// a time.
const HOST_BYTES: usize = 16 << 20;
/// The size of the values of a layer of a batch on other devices, in bytes.
const DEVICE_BYTES: usize = 2 << 30;

/// The runner of batches.
#[derive(Debug)]
pub(crate) enum Lanes {
    /// Each batch on one of some threads.
    Threads(Workers),
    /// One batch after the other, with values in this format.
    OneByOne(Dtype),
}

impl Lanes {
    /// The runner of the batches of a model, with at most the given threads.
    pub(crate) fn of(model: &Decoder, threads: usize) -> Self {
        match model.compute().concurrency() {
            Concurrency::Threads => Self::Threads(Workers::new(threads)),
            Concurrency::OneByOne => Self::OneByOne(dtype_of(model)),
        }
    }

    /// The number of batches that run beside each other.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Threads(workers) => workers.count(),
            Self::OneByOne(_) => 1,
        }
    }

    /// How sequences are put together for a model of this description.
    pub(crate) fn limits(&self, spec: &DecoderSpec) -> Limits {
        match self {
            Self::Threads(workers) => limits(spec, workers.count()),
            Self::OneByOne(dtype) => device_limits(spec, *dtype),
        }
    }

    /// Runs a job on every batch of a plan; a batch that a device has no memory for in halves.
    ///
    /// - `in_rounds`: begin as many batches at once as there are threads, since they read a layer together
    pub(crate) fn run<T: Send>(
        &self,
        plan: &Plan,
        sequences: &[Sequence],
        in_rounds: bool,
        job: impl Fn(&Batch) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        if let Self::Threads(workers) = self {
            let order: Vec<usize> = (0..plan.n_batches()).collect();
            let job = |at: usize| job(&plan.batch(at, sequences));
            let round = if in_rounds { workers.count() } else { order.len().max(1) };
            return Ok(order.chunks(round).flat_map(|order| workers.run(order, job)).collect());
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

/// How sequences are batched for a model of this description on the processor, by a number of threads.
pub fn limits(spec: &DecoderSpec, threads: usize) -> Limits {
    Limits {
        rows: (HOST_BYTES / (size_of::<f32>() * spec.hidden_size)).max(1),
        lanes: threads,
        alone_beyond: spec.length_dependent_beyond(),
    }
}

/// The format of the values between the operations of a model.
fn dtype_of(model: &Decoder) -> Dtype {
    let found = Dtype::ALL.into_iter().find(|&dtype| to_burn(dtype) == model.weight_dtype());
    found.unwrap_or_default()
}

/// How sequences are batched elsewhere, where all rows of a batch run at once, with values in a format between
/// operations.
pub fn device_limits(spec: &DecoderSpec, dtype: Dtype) -> Limits {
    // The stream that layers add to is f32 in every format.
    let stream = 2 * size_of::<f32>() * spec.hidden_size;
    let values = spec
        .layers
        .iter()
        .map(|layer| 2 * spec.hidden_size + 3 * layer.inner_width() + 4 * layer.mixed_width());
    let bytes = stream + dtype.size() * values.max().unwrap_or(1);
    Limits { rows: (DEVICE_BYTES / bytes).max(1), lanes: 1, alone_beyond: spec.length_dependent_beyond() }
}
