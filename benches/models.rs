//! A model and sequences.

use lobass_core::Sequence;
use lobass_model::{Decoder, DecoderSpec, DeviceName};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::SEED;

/// 17 M parameters: 8 layers of width 384, as SmolLM-135M is made, and a vocabulary of 8192.
pub const SMALL: &str = r#"{
  "model_type": "llama",
  "vocab_size": 8192,
  "hidden_size": 384,
  "intermediate_size": 1024,
  "num_hidden_layers": 8,
  "num_attention_heads": 6,
  "num_key_value_heads": 2,
  "max_position_embeddings": 512,
  "tie_word_embeddings": true
}"#;

/// The config of [`SMALL`].
///
/// # Panics
/// If it cannot be read, which a benchmark would show at once.
pub fn config() -> DecoderSpec {
    DecoderSpec::from_json(SMALL).expect("it is a config")
}

/// A random model of that config.
pub fn model() -> Decoder {
    Decoder::random(&config(), SEED, &DeviceName::Cpu.open())
}

/// Sequences of uniform tokens; the last `n_scored` of each are scored.
///
/// # Panics
/// If more tokens are to be scored than there are.
pub fn sequences(count: usize, length: usize, n_scored: usize) -> Vec<Sequence> {
    assert!(n_scored < length, "the first token has nothing to predict it");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut sequence = || {
        let ids = (0..length).map(|_| rng.random_range(0..8192)).collect();
        let scored: Vec<bool> = (0..length).map(|token| token >= length - n_scored).collect();
        Sequence::from_scored_tokens(ids, &scored).expect("as many marks as tokens")
    };
    (0..count).map(|_| sequence()).collect()
}
