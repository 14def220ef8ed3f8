//! A graphics card against the processor: the same tiny models, losses, and training steps. Any adapter will do, also
//! one in software; `cargo xtask devices` runs this. One process, since every kernel is compiled when it is first
//! needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

// Losses of tokens and of sequences.
mod losses;
// What a step of training leaves.
mod training;

use lobass_core::Sequence;
use lobass_model::{Decoder, DecoderSpec, DeviceName};

/// Two layers with grouped queries. Weights are large, so that a wrong mask or rotation changes every loss.
const TINY: &str = r#"{"model_type": "llama", "vocab_size": 96, "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    "initializer_range": 0.2}"#;
/// f32 against f32, in nats: other orders of summation.
const TOLERANCE: f64 = 1e-4;

fn card() -> DeviceName {
    let hint = "these tests need a graphics card or a Vulkan driver in software, as in Debian's packages libvulkan1 \
                and mesa-vulkan-drivers";
    "wgpu".parse().unwrap_or_else(|error| panic!("{error}; {hint}"))
}

fn tiny(device: &DeviceName) -> Decoder {
    Decoder::random(&DecoderSpec::from_json(TINY).unwrap(), 13008, &device.open())
}

/// Sequences of these lengths, of which everything after the first third is scored.
fn sequences(lengths: &[usize]) -> Vec<Sequence> {
    let sequence = |(at, &length): (usize, &usize)| {
        let ids = (0..length).map(|token| u32::try_from((token * 7 + at * 13 + token * token) % 96).unwrap());
        let scored: Vec<bool> = (0..length).map(|token| token > length / 3).collect();
        Sequence::from_scored_tokens(ids.collect(), &scored).unwrap()
    };
    lengths.iter().enumerate().map(sequence).collect()
}
