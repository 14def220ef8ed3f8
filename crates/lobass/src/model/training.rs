//! What training an adapter takes, and the model that it starts from: whole in memory, or layer by layer within a limit.

use lobass_core::Observer as _;
use lobass_core::readable::{bytes, count};
use lobass_model::{Decoder, DecoderSpec, Dtype, LoraConfig, WeightBytes};
use lobass_train::TrainingBytes;
use serde::Serialize;

use super::Model;
use super::engine::BESIDE;
use crate::error::{Result, bail};
use crate::runtime::Runtime;

/// The memory for training an adapter on a model, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TrainingMemory {
    /// The weights of the base, if all of them are in memory.
    pub weights: u64,
    /// The weights of the base that are in memory at once, if layers are read when they are needed.
    pub weights_streamed: u64,
    /// Trained weights, their gradients, and the moments of AdamW.
    pub trained: u64,
    /// What a micro-batch on each thread takes, if all values are kept for gradients.
    pub batches: u64,
    /// The same, if only the inputs of layers are kept.
    pub batches_recomputed: u64,
    /// The same, if layers are read when they are needed.
    pub batches_streamed: u64,
    /// The part of it that keeps the inputs of layers, which further micro-batches take too.
    #[serde(skip)]
    inputs: u64,
}

/// What is trained, and in what pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces<'a> {
    pub(crate) lora: &'a LoraConfig,
    /// Tokens of the largest micro-batch.
    pub(crate) tokens: usize,
    pub(crate) threads: usize,
}

/// How a model is in memory while an adapter is trained on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// All of it. If it says so, layers are run again for their gradients.
    Whole { recompute: bool },
    /// Layers are read when they are needed.
    Layers {
        /// The memory for the inputs of layers.
        batch_bytes: u64,
    },
}

impl TrainingMemory {
    /// The memory for an adapter on a model of this description in a number format.
    pub(crate) fn of(spec: &DecoderSpec, dtype: Dtype, pieces: Pieces<'_>) -> Self {
        let Pieces { lora, tokens, threads } = pieces;
        let weights = WeightBytes::of(spec, dtype);
        let bytes = TrainingBytes::of(spec, dtype, lora.n_parameters(spec), tokens);
        let (threads, inputs) = (threads as u64, tokens as u64 * bytes.token);
        // Each thread has separate gradients: of everything, or of one layer.
        let [of_all, of_layer] = [1, spec.layers.len() as u64].map(|parts| bytes.trained / 4 / parts);
        Self {
            weights: weights.whole,
            weights_streamed: weights.streamed,
            trained: bytes.trained,
            batches: threads * (bytes.thread + bytes.kept + of_all),
            batches_recomputed: threads * (bytes.thread + inputs + of_all),
            batches_streamed: threads * (bytes.thread + inputs + of_layer),
            inputs: threads * inputs,
        }
    }

    /// The memory with all weights in memory.
    pub fn whole(&self) -> u64 {
        self.weights + self.beside(self.batches)
    }

    /// The smallest limit ([`ComputeSettings::memory`](crate::settings::ComputeSettings::memory)).
    pub fn least(&self) -> u64 {
        self.whole_recomputed().min(self.streamed())
    }

    fn whole_recomputed(&self) -> u64 {
        self.weights + self.beside(self.batches_recomputed)
    }

    fn streamed(&self) -> u64 {
        self.weights_streamed + self.beside(self.batches_streamed)
    }

    /// What is beside the weights of the base. A state is written and read while nothing is computed.
    fn beside(&self, batches: u64) -> u64 {
        BESIDE + self.trained + batches.max(self.trained)
    }

    /// How the model is in memory within a limit; `None` if it does not fit.
    pub(crate) fn room(&self, limit: u64, recompute: bool) -> Option<Room> {
        if !recompute && self.whole() <= limit {
            return Some(Room::Whole { recompute: false });
        }
        if self.whole_recomputed() <= limit {
            return Some(Room::Whole { recompute: true });
        }
        let left = limit.checked_sub(self.streamed())?;
        Some(Room::Layers { batch_bytes: self.inputs + left })
    }
}

impl Model {
    /// How the model is in memory while an adapter is trained on it.
    ///
    /// # Errors
    /// If the limit on memory is too small for it.
    pub(crate) fn room(&self, pieces: Pieces<'_>, recompute: bool) -> Result<Room> {
        let Some(limit) = self.placement.memory else { return Ok(Room::Whole { recompute }) };
        let memory = TrainingMemory::of(self.checkpoint.spec(), self.placement.dtype, pieces);
        match memory.room(limit.bytes(), recompute) {
            Some(room) => Ok(room),
            None => bail!(
                Model,
                "{} model `{}`: expected a limit on memory of at least {} to train an adapter on it, found {}: embedding, \
                 head, and the layers that are in memory at once take {}, the adapter with gradients and moments {}, and \
                 micro-batches of {} tokens on {} threads the rest (`--threads` and `--micro-batch-tokens` make it less)",
                self.key.role,
                self.key.path,
                bytes(memory.least()),
                bytes(limit.bytes()),
                bytes(memory.weights_streamed),
                bytes(memory.trained),
                count(pieces.tokens as u64),
                pieces.threads
            ),
        }
    }

    /// Reads the weights as the frozen base of an adapter that is to be trained, as far as they are in memory.
    ///
    /// # Errors
    /// The errors of [`Model::load`].
    pub(crate) fn load_frozen_in(
        &self,
        room: Room,
        pieces: Pieces<'_>,
        runtime: &Runtime,
    ) -> Result<Decoder> {
        let Room::Layers { batch_bytes } = room else { return self.load_frozen() };
        let spec = self.checkpoint.spec();
        let bytes_of = TrainingBytes::of(spec, self.placement.dtype, 0, pieces.tokens);
        runtime.note(&format!(
            "{:16} its weights take {}; layers are read twice for every {} tokens of a batch",
            self.key.role,
            bytes(WeightBytes::of(spec, self.placement.dtype).whole),
            count(batch_bytes / bytes_of.token)
        ));
        self.load_streamed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_whole_as_long_as_it_fits() {
        let memory = TrainingMemory {
            weights: 10 << 30,
            weights_streamed: 2 << 30,
            trained: 1 << 30,
            batches: 4 << 30,
            batches_recomputed: 3 << 30,
            batches_streamed: 2 << 30,
            inputs: 1 << 30,
        };
        let [whole, least] = [memory.whole(), memory.least()];
        assert_eq!((whole - BESIDE, least - BESIDE), (15 << 30, 5 << 30));
        assert_eq!(memory.room(whole, false), Some(Room::Whole { recompute: false }));
        assert_eq!(memory.room(whole, true), Some(Room::Whole { recompute: true }));
        assert_eq!(memory.room(whole - 1, false), Some(Room::Whole { recompute: true }));
        assert_eq!(memory.room(least, false), Some(Room::Layers { batch_bytes: 1 << 30 }));
        assert_eq!(memory.room(least + 5, true), Some(Room::Layers { batch_bytes: (1 << 30) + 5 }));
        assert_eq!(memory.room(least - 1, false), None);
        let rank = TrainingMemory { trained: 8 << 30, ..memory };
        assert_eq!(
            rank.least() - memory.least(),
            (7 << 30) + (6 << 30),
            "a state is as large as what is trained"
        );
    }
}
