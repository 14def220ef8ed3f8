//! The engine that scores with a model: whole in memory, or layer by layer within a limit.

use std::sync::Arc;

use lobass_core::Observer as _;
use lobass_core::readable::{bytes, count};
use lobass_loss::{Engine, FEWEST_ROWS, Together, row_bytes};
use lobass_model::{DecoderSpec, Dtype, WeightBytes};
use serde::Serialize;

use super::Model;
use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// The memory set aside for everything except weights and batches: tokenizer, sequences of a shard, values within a
/// layer.
pub(super) const BESIDE: u64 = 256 << 20;

/// The memory for scoring with a model, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScoringMemory {
    /// The weights, if all of them are in memory.
    pub weights: u64,
    /// The weights that are in memory at once, if layers are read when they are needed.
    pub weights_streamed: u64,
    /// What is in memory beside the weights, with the smallest batches.
    pub beside: u64,
}

impl ScoringMemory {
    /// The memory for a model of this description in a number format.
    pub fn of(spec: &DecoderSpec, dtype: Dtype, threads: usize) -> Self {
        let weights = WeightBytes::of(spec, dtype);
        let beside = BESIDE + threads as u64 * FEWEST_ROWS as u64 * row_bytes(spec);
        Self { weights: weights.whole, weights_streamed: weights.streamed, beside }
    }

    /// The smallest limit ([`ComputeSettings::memory`](crate::settings::ComputeSettings::memory)).
    pub fn least(&self) -> u64 {
        self.weights.min(self.weights_streamed) + self.beside
    }
}

impl Model {
    /// The memory for batches if layers are read when they are needed; `None` if there is no limit, the model fits into
    /// it, or the limit is too small.
    fn streamed_room(&self, threads: usize) -> Option<u64> {
        let limit = self.placement.memory?.bytes();
        let memory = ScoringMemory::of(self.checkpoint.spec(), self.held_dtype(), threads);
        if memory.least() > limit || memory.weights + memory.beside <= limit {
            return None;
        }
        limit.checked_sub(memory.weights_streamed + BESIDE)
    }

    /// Whether the layers of this base and of its adapter are read from disk, from the same files.
    pub(crate) fn reads_layers_of(&self, tuned: &Self, threads: usize) -> bool {
        let is_adapter = self.adapter.is_none() && tuned.adapter.is_some();
        is_adapter && Arc::ptr_eq(&self.streamed, &tuned.streamed) && self.streamed_room(threads).is_some()
    }

    /// Loads a base and its adapter to score with both, if their layers are read when they are needed: once for both.
    /// `None` if they are not, or if the limit on memory is too small for the batches of two models.
    ///
    /// # Errors
    /// If weights cannot be read.
    pub(crate) fn engines_with(
        &self,
        tuned: &Self,
        threads: usize,
        runtime: &Runtime,
    ) -> Result<Option<Together>> {
        let Some(bytes_left) = self.streamed_room(threads) else { return Ok(None) };
        let (base, adapted) = (self.load_streamed()?, tuned.load_streamed()?);
        let Some(engines) = Together::within(base, adapted, threads, bytes_left) else { return Ok(None) };
        runtime.note(&format!(
            "{:16} its weights take {}; layers are read when they are needed, once for it and {}, for {} rows at once",
            self.key.role,
            bytes(WeightBytes::of(self.checkpoint.spec(), self.held_dtype()).whole),
            tuned.key.role,
            count(engines.rows_of_round() as u64)
        ));
        Ok(Some(engines))
    }

    /// The number format that scoring holds the weights in. Split activations are multiplied with weights as they are
    /// stored.
    fn held_dtype(&self) -> Dtype {
        let keeps = !self.placement.arithmetic.is_plain() && self.checkpoint.dtype() == Dtype::Bf16;
        if keeps { Dtype::Bf16 } else { self.placement.dtype }
    }

    /// The bytes of all layers in memory.
    pub(crate) fn layer_bytes(&self) -> u64 {
        WeightBytes::of(self.checkpoint.spec(), self.held_dtype()).layers
    }

    /// Loads the model to score with it. If a limit on memory is set and the model does not fit, its layers are read
    /// when they are needed.
    ///
    /// # Errors
    /// If weights cannot be read, or the limit on memory is too small for the model.
    pub(crate) fn engine(&self, threads: usize, runtime: &Runtime) -> Result<Engine> {
        let Some(limit) = self.placement.memory else { return Ok(Engine::new(self.load()?, threads)) };
        let (spec, limit) = (self.checkpoint.spec(), limit.bytes());
        let memory = ScoringMemory::of(spec, self.held_dtype(), threads);
        if memory.least() > limit {
            bail!(
                Model,
                "{} model `{}`: expected a limit on memory of at least {}, found {}: embedding, head, and the layers \
                 that are in memory at once take {}, and batches on {threads} threads the rest",
                self.key.role,
                self.key.path,
                bytes(memory.least()),
                bytes(limit),
                bytes(memory.weights_streamed)
            );
        }
        if memory.weights + memory.beside <= limit {
            return Ok(Engine::new(self.load()?, threads));
        }
        let engine = Engine::new(self.load_streamed()?, threads)
            .within(limit - memory.weights_streamed - BESIDE)
            .context("the memory is enough, as was checked")?;
        runtime.note(&format!(
            "{:16} its weights take {}; layers are read when they are needed, for {} rows at once",
            self.key.role,
            bytes(memory.weights),
            count((engine.limits().rows * threads) as u64)
        ));
        Ok(engine)
    }
}
