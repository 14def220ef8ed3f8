//! A rate, measured on the sequences of a pool.

use std::path::Path;
use std::time::{Duration, Instant};

use lobass_core::{Detail, Dtype, LossEngine as _, MemoryLimit, Sequence};
use lobass_loss::{Engine, Limits, Plan};
use lobass_run::WorkDir;

use crate::error::{Result, bail};
use crate::model::Model;
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// Sequences come from at most this many shards, evenly spread over the pool.
const MOST_SHARDS: usize = 8;
/// Rows of a call for each thread, below which a rate would be too low; fewer shards are sampled then.
const CALL_ROWS: usize = 1024;
/// Sequences that are scored before the measurement.
const WARM_UP: usize = 4;

/// A model that is measured.
pub(super) struct Subject {
    engine: Engine,
    /// The size of its layers.
    weight_bytes: u64,
    /// The time that loading took.
    pub(super) load: Duration,
    dtype: Dtype,
    memory: Option<MemoryLimit>,
}

/// Sequences that were scored, and the time that it took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) n_sequences: u64,
    /// Tokens that went through the model: common beginnings once a batch.
    pub(super) n_rows: u64,
    pub(super) elapsed: Duration,
}

impl Subject {
    pub(super) fn load(base: &Path, compute: &ComputeSettings, runtime: &Runtime) -> Result<Self> {
        let model = Model::open_as("base", base, compute, runtime)?;
        let weight_bytes = model.layer_bytes();
        let begin = Instant::now();
        let engine = model.engine(compute.threads(), runtime)?;
        let (dtype, memory) = (model.key.dtype, compute.memory);
        Ok(Self { engine, weight_bytes, load: begin.elapsed(), dtype, memory })
    }

    /// The number format, and the limit on memory.
    pub(super) fn placed(&self) -> (Dtype, Option<MemoryLimit>) {
        (self.dtype, self.memory)
    }

    pub(super) fn limits(&self) -> Limits {
        self.engine.limits()
    }

    /// The bytes of weights that a round of batches, one a thread, reads from disk, if layers are not in memory.
    pub(super) fn bytes_of_round(&self) -> Option<u64> {
        self.is_streamed().then_some(self.weight_bytes)
    }

    fn is_streamed(&self) -> bool {
        self.engine.model().is_streamed()
    }

    /// Rows of a round of batches, if a round reads all layers.
    fn rows_of_round(&self) -> usize {
        if self.is_streamed() { self.limits().rows * self.engine.threads() } else { 0 }
    }

    /// Scores sequences of the pool for about this time, or all of them. If layers are read from disk, it takes at least a
    /// round of batches, however long.
    ///
    /// A sample shares fewer beginnings than whole shards do, so computed rows are counted, and not tokens of the pool.
    pub(super) fn sample(&self, work: &WorkDir, time: Duration) -> Result<Sample> {
        let shards = &work.plan().shards;
        let mut rate = self.warm_up(work)?;
        let calls = rate * time.as_secs_f64() / (CALL_ROWS * self.engine.threads()) as f64;
        let count =
            (1..MOST_SHARDS.min(shards.len())).take_while(|&count| (count as f64) < calls).count() + 1;
        let share = time.div_f64(count as f64);
        let mut sample = Sample::default();
        for turn in 0..count {
            let Some(&shard) = shards.get((2 * turn + 1) * shards.len() / (2 * count)) else { break };
            let sequences = work.call(shard)?;
            let mut left = sequences.as_slice();
            let until = share.mul_f64((turn + 1) as f64);
            while !left.is_empty() && sample.elapsed < until {
                // Small calls are slow, so the last is not just what the time is enough for.
                let time = until.saturating_sub(sample.elapsed).max(share / 4);
                let n_tokens = (rate * time.as_secs_f64()).max(self.rows_of_round() as f64);
                let (chunk, rest) = left.split_at(first_tokens(left, n_tokens));
                sample.add(self.score(chunk)?);
                rate = sample.rows_per_second().unwrap_or(rate);
                left = rest;
            }
        }
        if sample.rows_per_second().is_none() {
            bail!(
                Work,
                "no rate can be measured: expected rows with something to score in the shards that were tried, found none"
            );
        }
        Ok(sample)
    }

    /// A first guess of the rate; 0 if there is nothing to score where it is made.
    fn warm_up(&self, work: &WorkDir) -> Result<f64> {
        let shards = &work.plan().shards;
        let sequences = shards.first().map_or(Ok(Vec::new()), |&shard| work.call(shard))?;
        let first = self.score(&sequences[..sequences.len().min(WARM_UP)])?;
        Ok(first.rows_per_second().unwrap_or(0.0))
    }

    fn score(&self, sequences: &[Sequence]) -> Result<Sample> {
        let n_rows = Plan::new(sequences, &self.limits()).work(sequences).n_rows;
        let begin = Instant::now();
        self.engine.losses(sequences, Detail::Sum)?;
        Ok(Sample { n_sequences: sequences.len() as u64, n_rows, elapsed: begin.elapsed() })
    }
}

impl Sample {
    pub(super) fn rows_per_second(&self) -> Option<f64> {
        let rate = self.n_rows as f64 / self.elapsed.as_secs_f64();
        (self.n_rows > 0 && rate.is_finite()).then_some(rate)
    }

    fn add(&mut self, other: Self) {
        self.n_sequences += other.n_sequences;
        self.n_rows += other.n_rows;
        self.elapsed += other.elapsed;
    }
}

/// The number of leading sequences that have at most this many tokens together; at least one.
fn first_tokens(sequences: &[Sequence], n_tokens: f64) -> usize {
    let mut sum = 0;
    let fits = |sequence: &&Sequence| {
        sum += sequence.n_tokens();
        sum as f64 <= n_tokens
    };
    sequences.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_what_fits_and_at_least_one() {
        let sequence = || {
            Sequence::from_scored_tokens(
                vec![1; 10],
                &[false, true, true, true, true, true, true, true, true, true],
            )
            .unwrap()
        };
        let sequences = [sequence(), sequence(), sequence()];
        assert_eq!([0.0, 10.0, 29.0, 30.0, 1e9].map(|n| first_tokens(&sequences, n)), [1, 1, 2, 3, 3]);
    }
}
