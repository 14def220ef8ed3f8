//! The sequences of the benchmark, and their amount of arithmetic.

use lobass_benches::SEED;
use lobass_core::Sequence;
use lobass_model::{DecoderSpec, LayerSpec};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// The spread of the logarithm of lengths, about that of Alpaca's rows.
const SPREAD: f64 = 0.6;

/// How many sequences there are, and how long they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// Sequences of a round
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) count: usize,
    /// Median of their lengths
    #[arg(long, value_name = "TOKENS", default_value_t = 256)]
    pub(crate) median: usize,
    /// The longest of them
    #[arg(long, value_name = "TOKENS", default_value_t = 1024)]
    pub(crate) longest: usize,
}

/// Sequences of uniform tokens with log-normal lengths, the latter half of each scored.
pub(crate) fn sequences(amount: &Amount, vocab_size: usize) -> Result<Vec<Sequence>> {
    let &Amount { count, median, longest } = amount;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let vocab_size = u32::try_from(vocab_size)?;
    let mut sequence = || -> Result<Sequence> {
        let (radius, angle): (f64, f64) = (rng.random(), rng.random());
        let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        let length = median as f64 * (SPREAD * normal).exp();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length within bounds")]
        let length = length.clamp(2.0, longest as f64) as usize;
        let ids = (0..length).map(|_| rng.random_range(0..vocab_size)).collect();
        let scored: Vec<bool> = (0..length).map(|token| token >= length.div_ceil(2)).collect();
        Ok(Sequence::from_scored_tokens(ids, &scored)?)
    };
    (0..count).map(|_| sequence()).collect()
}

/// The multiplications and additions that scoring takes at least: projections of every token, causal attention, and
/// the head on scored tokens.
pub(crate) fn flops(spec: &DecoderSpec, sequences: &[Sequence]) -> f64 {
    let hidden = spec.hidden_size as f64;
    let of = |sequence: &Sequence| {
        let tokens = sequence.n_tokens() as f64;
        let seen = tokens * (tokens + 1.0) / 2.0;
        let of_layer = |layer: &LayerSpec| {
            let (queries, keys) = (layer.attention.heads as f64, layer.attention.kv_heads as f64);
            let width = layer.attention.head_width as f64;
            let attention = 2.0 * hidden * width * (queries + keys);
            let mlp = 3.0 * hidden * layer.mlp.width as f64;
            tokens * (attention + mlp) + 2.0 * queries * width * seen
        };
        let layers: f64 = spec.layers.iter().map(of_layer).sum();
        2.0 * (layers + sequence.n_scored() as f64 * hidden * spec.vocab_size as f64)
    };
    sequences.iter().map(of).sum()
}
