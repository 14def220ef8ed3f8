//! Configs as they are written, and what is read from them.

use super::*;

const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64 EXTRA}"#;

fn parse(extra: &str) -> Result<LlamaConfig, ConfigError> {
    LlamaConfig::from_json(&LLAMA.replace("EXTRA", extra))
}

#[test]
fn defaults_are_those_of_transformers() {
    let config = parse("").unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim), (4, 4));
    assert_eq!(config.rope, RopeConfig { theta: 10_000.0, scaling: RopeScaling::Default });
    assert!(!config.tie_word_embeddings && !config.qkv_bias && !config.qk_norm);
}

#[test]
fn both_spellings_of_rope_are_read() {
    let old = parse(r#", "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}"#).unwrap();
    let new = parse(r#", "rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}"#)
        .unwrap();
    assert_eq!(old.rope, new.rope);
    assert_eq!(old.rope.scaling, RopeScaling::Linear { factor: 2.0 });
}

#[test]
fn what_is_not_supported_is_named() {
    for (extra, field) in [
        (r#", "hidden_act": "gelu""#, "hidden_act"),
        (r#", "rope_scaling": {"rope_type": "longrope"}"#, "rope_scaling.rope_type"),
        (r#", "rope_scaling": {"rope_type": "linear"}"#, "rope_scaling.factor"),
        (r#", "partial_rotary_factor": 0.5"#, "partial_rotary_factor"),
        (r#", "quantization_config": {"quant_method": "awq"}"#, "quantization_config"),
        (r#", "num_key_value_heads": 3"#, "num_key_value_heads"),
        (r#", "eos_token_id": "two""#, "eos_token_id"),
    ] {
        let message = parse(extra).unwrap_err().to_string();
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    let other = LLAMA.replace("EXTRA", "").replace("\"llama\"", "\"gpt2\"");
    let message = LlamaConfig::from_json(&other).unwrap_err().to_string();
    assert!(message.contains("`gpt2`") && message.contains("qwen3"), "{message}");
}

#[test]
fn families_differ_where_transformers_says_so() {
    let family = |name: &str, extra: &str| {
        let text = LLAMA
            .replace("EXTRA", &format!(r#", "num_key_value_heads": 2, "head_dim": 8{extra}"#))
            .replace("\"llama\"", &format!("{name:?}"));
        LlamaConfig::from_json(&text).unwrap()
    };
    let windows =
        |config: &LlamaConfig| config.layers.iter().map(|l| l.sliding_window).collect::<Vec<_>>();

    let qwen2 = family("qwen2", r#", "sliding_window": 8, "use_sliding_window": false"#);
    assert!(qwen2.qkv_bias && !qwen2.o_bias);
    assert_eq!(windows(&qwen2), [None, None]);

    let qwen3 =
        family("qwen3", r#", "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 1"#);
    assert!(qwen3.qk_norm && !qwen3.qkv_bias);
    assert_eq!(windows(&qwen3), [None, Some(8)]);

    assert_eq!(windows(&family("mistral", r#", "sliding_window": 8"#)), [Some(8), Some(8)]);
    assert_eq!(windows(&family("mistral", r#", "sliding_window": null"#)), [None, None]);
    assert_eq!(windows(&family("mistral", "")), [Some(4096), Some(4096)]);
    assert_eq!(
        windows(&family("qwen2", r#", "use_sliding_window": true, "max_window_layers": 1"#)),
        [None, Some(4096)]
    );

    let smollm3 = family("smollm3", r#", "no_rope_layer_interval": 2"#);
    assert_eq!(smollm3.layers.iter().map(|l| l.rotary).collect::<Vec<_>>(), [true, false]);
    assert!(smollm3.tie_word_embeddings);
}
