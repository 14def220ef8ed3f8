//! The time of training an adapter, from the rate of scoring.

use std::time::Duration;

use lobass_core::MemoryLimit;
use lobass_core::readable::{Labelled, bytes, count, duration};
use lobass_model::{DecoderSpec, Dtype, WeightBytes};
use lobass_train::{TrainConfig, TrainingBytes};
use serde::Serialize;

use super::pass::PassWork;
use crate::model::{Pieces, Room, TrainingMemory};

/// An epoch of training an adapter with default settings, on one device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrainingTime {
    /// The time in seconds: every token takes so many forward passes at the rate of scoring.
    pub seconds: f64,
    /// Forward passes of a token: one forward, one back, and one more if layers are run again for their gradients.
    /// Weights of the base get no gradients, which would be a third.
    pub passes: u32,
    /// Bytes of weights that are read from disk, if the base does not fit into a limit on memory.
    pub n_read: Option<u64>,
}

/// A model on a device, as far as the time depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trained<'a> {
    pub(super) spec: &'a DecoderSpec,
    pub(super) dtype: Dtype,
    pub(super) memory: Option<MemoryLimit>,
    pub(super) pieces: Pieces<'a>,
}

impl TrainingTime {
    /// The time at a rate of scoring; `None` if training does not fit into the limit, or the pool has no work.
    pub(super) fn of(
        trained: Trained<'_>,
        pass: &PassWork,
        n_rows: u64,
        rows_per_second: f64,
    ) -> Option<Self> {
        let Trained { spec, dtype, memory, pieces } = trained;
        let room = match memory {
            Some(limit) => TrainingMemory::of(spec, dtype, pieces).room(limit.bytes(), false)?,
            None => Room::Whole { recompute: false },
        };
        let (passes, n_read) = match room {
            Room::Whole { recompute } => (if recompute { 3 } else { 2 }, None),
            Room::Layers { batch_bytes } => {
                let at_once = (batch_bytes / TrainingBytes::of(spec, dtype, 0, pieces.tokens).token).max(1);
                // Groups do not reach over steps.
                let n_steps = n_rows.div_ceil(TrainConfig::default().batch_size as u64).max(1);
                let groups = n_steps * pass.n_tokens.div_ceil(n_steps).div_ceil(at_once);
                (3, Some(2 * groups * WeightBytes::of(spec, dtype).layers))
            }
        };
        let seconds = f64::from(passes) * pass.n_tokens as f64 / rows_per_second;
        (pass.n_tokens > 0 && seconds.is_finite()).then_some(Self { seconds, passes, n_read })
    }

    pub(super) fn describe(&self, text: &mut Labelled) {
        let read = self.n_read.map_or(String::new(), |n_read| format!("; reads {} from disk", bytes(n_read)));
        text.line(
            "training",
            format!(
                "about {} for an epoch of LoRA on one device, if a token takes {} forward passes{read}",
                duration(Duration::from_secs_f64(self.seconds)),
                count(self.passes.into())
            ),
        );
    }
}
