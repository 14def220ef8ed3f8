//! Configs as they are written, and what is read from them.

use super::*;
use crate::{Biases, RopeScaling, RopeSpec};

const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64 EXTRA}"#;

fn parse(extra: &str) -> Result<DecoderSpec, ConfigError> {
    DecoderSpec::from_json(&LLAMA.replace("EXTRA", extra))
}

#[test]
fn defaults_are_those_of_transformers() {
    let config = parse("").unwrap();
    let attention = &config.layers[0].attention;
    assert_eq!((attention.kv_heads, attention.head_width), (4, 4));
    let rope = RopeSpec {
        theta: 10_000.0,
        width: 4,
        max_positions: 64,
        scaling: RopeScaling::Default,
        growth: None,
    };
    assert_eq!(config.ropes, [rope]);
    assert!(!config.tied && attention.biases == Biases::default() && attention.qk_norm.is_none());
}

#[test]
fn both_spellings_of_rope_are_read() {
    let old = parse(r#", "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}"#).unwrap();
    let new =
        parse(r#", "rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}"#).unwrap();
    assert_eq!(old.ropes, new.ropes);
    assert_eq!(old.ropes[0].scaling, RopeScaling::Linear { factor: 2.0 });
}

#[test]
fn what_is_not_supported_is_named() {
    for (extra, field) in [
        (r#", "hidden_act": "relu""#, "hidden_act"),
        (r#", "rope_scaling": {"rope_type": "longrope"}"#, "rope_scaling.short_factor"),
        (r#", "rope_scaling": {"rope_type": "proportional"}"#, "rope_scaling.rope_type"),
        (r#", "rope_scaling": {"rope_type": "linear"}"#, "rope_scaling.factor"),
        (r#", "partial_rotary_factor": 0.5"#, "partial_rotary_factor"),
        (r#", "transformers_weights": "other.safetensors""#, "transformers_weights"),
        (r#", "configuration_files": ["config.4.0.0.json"]"#, "configuration_files"),
        (r#", "quantization_config": {"quant_method": "awq"}"#, "quantization_config"),
        (r#", "num_key_value_heads": 3"#, "num_key_value_heads"),
        (r#", "eos_token_id": "two""#, "eos_token_id"),
    ] {
        let message = parse(extra).unwrap_err().to_string();
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    let other = LLAMA.replace("EXTRA", "").replace("\"llama\"", "\"gpt2\"");
    let message = DecoderSpec::from_json(&other).unwrap_err().to_string();
    assert!(message.contains("`gpt2`") && message.contains("qwen3"), "{message}");
}

#[test]
fn names_of_the_usual_files_say_nothing() {
    let files = r#", "transformers_weights": "model.safetensors", "configuration_files": ["config.json", "config.9.0.0.json"]"#;
    let (_, findings) = DecoderSpec::with_findings(&LLAMA.replace("EXTRA", files)).unwrap();
    assert_eq!(findings, []);
}

#[test]
fn families_differ_where_transformers_says_so() {
    let family = |name: &str, extra: &str| {
        let text = LLAMA
            .replace("EXTRA", &format!(r#", "num_key_value_heads": 2, "head_dim": 8{extra}"#))
            .replace("\"llama\"", &format!("{name:?}"));
        DecoderSpec::from_json(&text).unwrap()
    };
    let windows = |config: &DecoderSpec| config.layers.iter().map(|l| l.attention.window).collect::<Vec<_>>();

    let biases = |config: &DecoderSpec| config.layers[0].attention.biases;

    let qwen2 = family("qwen2", r#", "sliding_window": 8, "use_sliding_window": false"#);
    assert!(biases(&qwen2).inputs && !biases(&qwen2).output);
    assert_eq!(windows(&qwen2), [None, None]);

    let qwen3 =
        family("qwen3", r#", "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 1"#);
    assert!(qwen3.layers[0].attention.qk_norm.is_some() && !biases(&qwen3).inputs);
    assert_eq!(windows(&qwen3), [None, Some(8)]);

    assert_eq!(windows(&family("mistral", r#", "sliding_window": 8"#)), [Some(8), Some(8)]);
    assert_eq!(windows(&family("mistral", r#", "sliding_window": null"#)), [None, None]);
    assert_eq!(windows(&family("mistral", "")), [Some(4096), Some(4096)]);
    assert_eq!(
        windows(&family("qwen2", r#", "use_sliding_window": true, "max_window_layers": 1"#)),
        [None, Some(4096)]
    );

    let smollm3 = family("smollm3", r#", "no_rope_layer_interval": 2"#);
    assert_eq!(smollm3.layers.iter().map(|l| l.attention.rope.is_some()).collect::<Vec<_>>(), [true, false]);
    assert!(smollm3.tied);
}

fn family(name: &str, extra: &str) -> Result<(DecoderSpec, Vec<Finding>), ConfigError> {
    let text = LLAMA.replace("EXTRA", extra).replace("\"llama\"", &format!("{name:?}"));
    DecoderSpec::with_findings(&text)
}

#[test]
fn null_heads_of_keys_and_values_are_as_many_as_queries() {
    for name in ["llama", "mistral", "qwen2", "qwen3", "smollm3"] {
        let (config, _) = family(name, r#", "num_key_value_heads": null, "head_dim": 4"#).unwrap();
        assert_eq!(config.layers[0].attention.kv_heads, 4, "{name}");
    }
    assert!(family("qwen2", "").is_err(), "32 do not divide 4");
}

/// As `Glm4Config` and `Qwen3NextConfig` of transformers 5.24, which set a default only if the field is not there.
#[test]
fn a_part_of_null_is_a_whole_head() {
    let width = |name: &str, extra: &str| {
        let extra = format!(r#", "num_key_value_heads": 2, "head_dim": 8{extra}"#);
        family(name, &extra).unwrap().0.ropes[0].width
    };
    assert_eq!(width("glm4", ""), 4);
    for (name, extra, expected) in [
        ("glm4", r#", "partial_rotary_factor": null"#, 8),
        ("glm4", r#", "partial_rotary_factor": null, "rope_parameters": {"partial_rotary_factor": 0.5}"#, 4),
        ("phi3", r#", "partial_rotary_factor": null"#, 8),
        ("llama", r#", "partial_rotary_factor": null"#, 8),
    ] {
        assert_eq!(width(name, extra), expected, "{name} {extra}");
    }
}

#[test]
fn sections_for_images_do_not_change_text() {
    let plain = parse(r#", "rope_theta": 5e5"#).unwrap();
    let sections = r#", "rope_theta": 5e5, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1]}"#;
    assert_eq!(parse(sections).unwrap().ropes, plain.ropes);
}

#[test]
fn entries_for_kinds_of_layers_have_to_agree() {
    let entry = |theta: f64| format!(r#"{{"rope_type": "default", "rope_theta": {theta}}}"#);
    let nested = |full: f64, sliding: f64| {
        let (full, sliding) = (entry(full), entry(sliding));
        format!(
            r#", "num_key_value_heads": 2, "rope_parameters":
            {{"full_attention": {full}, "sliding_attention": {sliding}}}"#
        )
    };
    assert_eq!(family("qwen3", &nested(5e5, 5e5)).unwrap().0.ropes[0].theta, 5e5);
    assert!(family("qwen3", &nested(5e5, 1e4)).is_err());
    // Classes without kinds of layers ignore the entries.
    assert!(family("llama", &nested(5e5, 5e5)).is_err());
    assert_eq!(family("llama", &nested(1e4, 1e4)).unwrap().0.ropes[0].theta, 1e4);
}

#[test]
fn fields_without_an_effect_are_findings() {
    let findings = |name: &str, extra: &str| -> Vec<String> {
        let (_, findings) = family(name, &format!(r#", "num_key_value_heads": 2{extra}"#)).unwrap();
        findings.iter().map(Finding::to_string).collect()
    };
    let quiet = r#", "architectures": ["A"], "torch_dtype": "bfloat16", "use_cache": true, "pretraining_tp": 2,
        "attention_dropout": 0.0, "use_mrope": false, "rope_interleaved": false, "temperature": 0.7,
        "sliding_window": 4096, "use_sliding_window": false, "max_window_layers": 28, "some_scale": null"#;
    for name in ["llama", "qwen2", "qwen3", "smollm3"] {
        assert_eq!(findings(name, quiet), [""; 0], "{name}");
    }
    for (name, extra, field) in [
        ("llama", r#", "logits_scaling": 8.0"#, "`logits_scaling`: 8.0"),
        ("llama", r#", "attention_dropout": 0.1"#, "`attention_dropout`"),
        ("llama", r#", "sliding_window": 8"#, "`sliding_window`"),
        ("qwen2", r#", "attention_bias": true"#, "`attention_bias`"),
        ("mistral", r#", "mlp_bias": true"#, "`mlp_bias`"),
        ("llama", r#", "rope_scaling": {"type": "linear", "factor": 2.0, "beta": 3}"#, "`rope_scaling.beta`"),
        ("llama", r#", "auto_map": {"AutoModelForCausalLM": "x.Y"}"#, "`auto_map`"),
        ("llama", r#", "eos_token_id": [2, -1]"#, "`eos_token_id`: -1"),
        ("qwen3", r#", "use_bidirectional_attention": true"#, "`use_bidirectional_attention`"),
    ] {
        let found = findings(name, extra);
        assert!(matches!(&found[..], [only] if only.contains(field)), "{field}: {found:?}");
    }
}

#[test]
fn errors_name_the_field_and_what_is_there() {
    for (extra, words) in [
        (r#", "head_dim": 0"#, "field `head_dim`: expected"),
        (r#", "head_dim": -4"#, "field `head_dim`: expected a whole number from 0 on, found -4"),
        (r#", "rms_norm_eps": "1e-6""#, "field `rms_norm_eps`: expected a number, found \"1e-6\""),
        (r#", "tie_word_embeddings": 1"#, "field `tie_word_embeddings`: expected true or false, found 1"),
        (r#", "rope_theta": 0"#, "field `rope_theta`: expected a number above 0, found 0"),
        (r#", "rope_scaling": [1]"#, "field `rope_scaling`: expected an object, found [1]"),
        (r#", "rope_scaling": {"type": null}"#, "field `rope_scaling.type`: expected a text, found null"),
        (r#", "max_position_embeddings": null"#, "field `max_position_embeddings`"),
    ] {
        // The last of two fields of one name counts.
        let message = parse(extra).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

/// `AutoConfig` of transformers 5.24 gives a `MinistralConfig` for these.
#[test]
fn mistral_with_kinds_of_layers_is_ministral() {
    let windows = |extra: &str| {
        let json = LLAMA.replace("\"llama\"", "\"mistral\"").replace("EXTRA", extra);
        let (spec, findings) = DecoderSpec::with_findings(&json).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        let windows = spec.layers.iter().map(|layer| layer.attention.window).collect::<Vec<_>>();
        (spec.model_type, windows)
    };
    let window = r#", "num_key_value_heads": 2, "sliding_window": 12"#;
    assert_eq!(windows(window), ("mistral", vec![Some(12); 2]));
    let full = windows(&format!(r#"{window}, "layer_types": ["full_attention", "full_attention"]"#));
    assert_eq!(full, ("ministral", vec![None; 2]));
    let mixed = windows(&format!(r#"{window}, "layer_types": ["sliding_attention", "full_attention"]"#));
    assert_eq!(mixed, ("ministral", vec![Some(12), None]));
}

/// `Gemma3TextConfig` and `Olmo3Config` update settings of `rope_type` default by those of `rope_scaling`.
#[test]
fn a_scaling_by_its_older_name_counts_where_the_class_reads_it() {
    for name in ["gemma3_text", "olmo3"] {
        let read = |extra: &str| {
            let json = LLAMA.replace("\"llama\"", &format!("\"{name}\"")).replace("EXTRA", extra);
            DecoderSpec::with_findings(&json).unwrap()
        };
        let (spec, findings) = read(r#", "rope_scaling": {"type": "linear", "factor": 2.0}"#);
        assert_eq!(spec.ropes[0].scaling, RopeScaling::Default, "{name}");
        let said = findings.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains("factor"), "{name}: {said}");
        let (spec, _) = read(r#", "rope_scaling": {"rope_type": "linear", "factor": 2.0}"#);
        assert_eq!(spec.ropes[0].scaling, RopeScaling::Linear { factor: 2.0 }, "{name}");
        let (spec, _) = read(r#", "rope_parameters": {"full_attention": {"type": "linear", "factor": 2.0}}"#);
        assert_eq!(spec.ropes[0].scaling, RopeScaling::Linear { factor: 2.0 }, "{name}");
    }
}
