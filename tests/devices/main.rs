//! A graphics card against the processor: the same tiny models, losses, and training steps. Any adapter will do, also
//! one in software; `cargo xtask devices` runs this. One process, since every kernel is compiled when it is first
//! needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

// Half precision, and formats that are refused.
mod half;
// Losses of tokens and of sequences.
mod losses;
// What a step of training leaves.
mod training;

use lobass_core::Sequence;
use lobass_model::{Decoder, DecoderSpec, DeviceName};

/// Two layers with grouped queries. Weights are large, so that a wrong mask or rotation changes every loss.
const TINY: &str = r#"{"model_type": "FAMILY", "vocab_size": 96, "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    "initializer_range": 0.2 MORE}"#;
/// Families that have little in common, and the further fields of their configs. The second has caps, windows, and norms
/// on both sides of a block; the third norms its heads, and routes rows to experts.
const FAMILIES: [(&str, &str); 3] = [
    ("llama", ""),
    (
        "gemma2",
        r#", "head_dim": 16, "sliding_window": 5, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 3.0,
            "final_logit_softcapping": 20.0"#,
    ),
    (
        "qwen3_moe",
        r#", "head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
            "norm_topk_prob": true"#,
    ),
];
/// f32 against f32, in nats: other orders of summation.
const TOLERANCE: f64 = 1e-4;

fn card() -> DeviceName {
    let hint = "these tests need a graphics card or a Vulkan driver in software, as in Debian's packages libvulkan1 \
                and mesa-vulkan-drivers";
    "wgpu".parse().unwrap_or_else(|error| panic!("{error}; {hint}"))
}

fn config((family, more): (&str, &str)) -> String {
    TINY.replace("FAMILY", family).replace(" MORE", more)
}

fn tiny(family: (&str, &str), device: &DeviceName) -> Decoder {
    Decoder::random(&DecoderSpec::from_json(&config(family)).unwrap(), 13008, &device.open())
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
