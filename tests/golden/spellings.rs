//! Configs as people write them have the losses that transformers gives with them.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_model::{Checkpoint, Dtype, Finding};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::families::token_losses;

const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Spellings {
    input_ids: Vec<u32>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    model: String,
    config: Value,
    nll: Vec<f64>,
}

/// A directory with the weights of a fixture and another config.
fn with_config(model: &str, config: &Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let weights = fixture("models").join(model).join("model.safetensors");
    fs_err::copy(weights, dir.path().join("model.safetensors")).unwrap();
    fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
    dir
}

fn open(dir: &Path) -> Checkpoint {
    Checkpoint::open(dir).unwrap()
}

#[test]
fn configs_mean_what_they_mean_to_transformers() {
    let Spellings { input_ids, cases } = read_json(&fixture("spellings.json"));
    assert!(cases.len() > 30);
    for (name, Case { model, config, nll }) in cases {
        let dir = with_config(&model, &config);
        let found = token_losses(&open(dir.path()), Dtype::F32, std::slice::from_ref(&input_ids));
        assert_close(&name, &found[0], &nll, TOLERANCE);
    }
}

#[test]
fn what_has_no_effect_is_found() {
    let Spellings { cases, .. } = read_json(&fixture("spellings.json"));
    let findings = |name: &str| -> Vec<String> {
        let case = &cases[name];
        let dir = with_config(&case.model, &case.config);
        open(dir.path()).findings().iter().map(Finding::to_string).collect()
    };
    assert_eq!(findings("plain"), [""; 0]);
    for (name, words) in [
        ("rope_scaling beside rope_parameters", &["`rope_parameters`", "10000"][..]),
        (
            "scales of other families",
            &["`logits_scaling`", "`embedding_multiplier`", "`final_logit_softcapping`"],
        ),
        ("llama ignores windows", &["`sliding_window`", "`layer_types`"]),
        ("linear, original length outside", &["`original_max_position_embeddings`"]),
    ] {
        let found = findings(name).join("\n");
        for word in words {
            assert!(found.contains(word), "{name}: {found}");
        }
    }
}

/// Every tensor under another name, in the same file.
fn renamed(dir: &Path, rename: impl Fn(&str) -> String) {
    let path = dir.join("model.safetensors");
    let bytes = fs_err::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors().into_iter().map(|(name, view)| (rename(&name), view));
    fs_err::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

#[test]
fn names_may_lack_or_double_the_prefix() {
    let Spellings { input_ids, cases } = read_json(&fixture("spellings.json"));
    let Case { model, config, nll } = &cases["plain"];
    for rename in [
        |name: &str| name.trim_start_matches("model.").to_owned(),
        |name: &str| format!("model.{name}"),
        |name: &str| if name.contains("layers.1") { name.replace("model.", "") } else { name.to_owned() },
    ] {
        let dir = with_config(model, config);
        let whole = open(dir.path()).weights_digest();
        renamed(dir.path(), rename);
        let checkpoint = open(dir.path());
        let found = token_losses(&checkpoint, Dtype::F32, std::slice::from_ref(&input_ids));
        assert_close("renamed", &found[0], nll, TOLERANCE);
        assert_eq!(checkpoint.weights_digest(), whole);
        assert!(checkpoint.findings()[0].to_string().contains("other names"));
    }
    for prefix in ["_orig_mod.", "module.", "language_model."] {
        let dir = with_config(model, config);
        renamed(dir.path(), |name| format!("{prefix}{name}"));
        let error = Checkpoint::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("`{prefix}`")) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_single_file_is_read_and_an_index_beside_it_is_not() {
    let Spellings { input_ids, cases } = read_json(&fixture("spellings.json"));
    let Case { model, config, nll } = &cases["plain"];
    let dir = with_config(model, config);
    let sharded = fixture("models/llama-sharded");
    for entry in fs_err::read_dir(&sharded).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("model") {
            fs_err::copy(entry.path(), dir.path().join(name)).unwrap();
        }
    }
    let checkpoint = open(dir.path());
    let found = token_losses(&checkpoint, Dtype::F32, &[input_ids]);
    assert_close("single file", &found[0], nll, TOLERANCE);
    assert!(matches!(checkpoint.findings(), [Finding::OtherWeights { .. }]));
}

#[test]
fn an_index_that_names_absent_files_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let sharded = fixture("models/llama-sharded");
    for name in ["config.json", "model.safetensors.index.json", "model-00001-of-00005.safetensors"] {
        fs_err::copy(sharded.join(name), dir.path().join(name)).unwrap();
    }
    let error = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("expected 5 shards") && error.contains("`model-00005-of-00005.safetensors`"),
        "{error}"
    );
    assert!(!error.contains("00001"), "{error}");
}

#[test]
fn what_transformers_computes_otherwise_is_refused_by_name() {
    let Spellings { cases, .. } = read_json(&fixture("spellings.json"));
    let nested = |theta: f64| json!({"full_attention": {"rope_type": "default", "rope_theta": theta}});
    for (model, changes, words) in [
        ("llama-gqa", json!({"is_causal": false}), "`is_causal`"),
        ("llama-gqa", json!({"is_causal": null}), "`is_causal`"),
        ("mistral-sliding", json!({"sliding_window": 0}), "`sliding_window`: expected a positive number"),
        ("mistral-sliding", json!({"sliding_window": -1}), "`sliding_window`: expected a whole number"),
        (
            "qwen2",
            json!({"layer_types": ["sliding_attention", "full_attention"]}),
            "`use_sliding_window` is false",
        ),
        ("qwen2", json!({"layer_types": ["full_attention"]}), "`layer_types`: expected 2 entries"),
        ("smollm3", json!({"no_rope_layers": [1]}), "`no_rope_layers`: expected 2 entries"),
        (
            "llama-gqa",
            json!({"rope_scaling": null, "rope_theta": null, "rope_parameters": nested(5e5)}),
            "rope",
        ),
        ("llama-gqa", json!({"per_layer_config": {"0": {"head_dim": 2}}}), "`per_layer_config`"),
        ("llama-gqa", json!({"hidden_act": null}), "`hidden_act`"),
        ("llama-gqa", json!({"rope_scaling": {"type": "linear", "factor": 0}}), "`rope_scaling.factor`"),
        ("llama-gqa", json!({"vocab_size": "48"}), "`vocab_size`"),
        ("llama-gqa", json!({"num_attention_heads": null}), "`num_attention_heads`"),
    ] {
        let any = cases.values().find(|case| case.model == model).unwrap();
        let mut config = any.config.clone();
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let dir = with_config(model, &config);
        let error = Checkpoint::open(dir.path()).expect_err(words);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains(words), "{changes}: {source}");
    }
}
