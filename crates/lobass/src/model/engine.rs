//! The engine that scores with a model: whole in memory, or layer by layer within a limit.

use lobass_core::Observer as _;
use lobass_core::readable::{bytes, count};
use lobass_loss::{Engine, FEWEST_ROWS, row_bytes};
use lobass_model::WeightBytes;

use super::Model;
use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// What a process takes beside weights and batches: tokenizer, sequences of a shard, values within a layer.
const BESIDE: u64 = 256 << 20;

impl Model {
    /// Loads the model to score with it. If a limit on memory is set and the model does not fit, its layers are read
    /// when they are needed.
    ///
    /// # Errors
    /// If weights cannot be read, or the model cannot be scored with in the memory.
    pub(crate) fn engine(&self, threads: usize, runtime: &Runtime) -> Result<Engine> {
        let Some(limit) = self.placement.memory else { return Ok(Engine::new(self.load()?, threads)) };
        let (spec, limit) = (self.checkpoint.spec(), limit.bytes());
        let weights = WeightBytes::of(spec, self.placement.dtype);
        let fewest = BESIDE + threads as u64 * FEWEST_ROWS as u64 * row_bytes(spec);
        if weights.whole + fewest <= limit {
            return Ok(Engine::new(self.load()?, threads));
        }
        let needed = weights.streamed + fewest;
        if needed > limit {
            bail!(
                Model,
                "{} model `{}`: expected a limit on memory of at least {}, found {}: embedding, head, and the layers \
                 that are in memory at once take {}, and batches on {threads} threads the rest",
                self.key.role,
                self.key.path,
                bytes(needed),
                bytes(limit),
                bytes(weights.streamed)
            );
        }
        let engine = Engine::new(self.load_streamed()?, threads)
            .within(limit - weights.streamed - BESIDE)
            .context("the memory is enough, as was checked")?;
        runtime.note(&format!(
            "{:16} its weights take {}; layers are read when they are needed, for {} rows at once",
            self.key.role,
            bytes(weights.whole),
            count((engine.limits().rows * threads) as u64)
        ));
        Ok(engine)
    }
}
