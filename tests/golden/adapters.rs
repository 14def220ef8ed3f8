//! Adapters that PEFT saves in unusual ways, and those that do not belong to a base.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{AdapterCheckpoint, Checkpoint, DeviceName, Dtype, Finding, LoraConfig, save_adapter};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;
use serde_json::Value;

const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    /// One of `models/`; else the base is beside the adapter.
    base: Option<String>,
    input_ids: Vec<u32>,
    nll: Vec<f64>,
}

fn base_of(name: &str) -> Checkpoint {
    let dir = fixture("adapters").join(name);
    let expected: Expected = read_json(&dir.join("expected.json"));
    let base = expected.base.map_or_else(|| dir.join("base"), |base| fixture("models").join(base));
    Checkpoint::open(base).unwrap()
}

fn names() -> Vec<String> {
    let entries = fs_err::read_dir(fixture("adapters")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn adapters_of_every_kind_have_pefts_losses() {
    assert_eq!(names().len(), 9);
    for name in names() {
        let dir = fixture("adapters").join(&name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let base = base_of(&name);
        let model = base.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let model = AdapterCheckpoint::open(&dir).unwrap().apply(&model).unwrap();
        let scored: Vec<bool> = (0..expected.input_ids.len()).map(|token| token > 0).collect();
        let sequence = Sequence::from_scored_tokens(expected.input_ids, &scored).unwrap();
        let losses = Engine::new(model, 1).losses(std::slice::from_ref(&sequence), Detail::PerToken).unwrap();
        let found: Vec<f64> = losses[0].per_token.iter().flatten().map(|&loss| f64::from(loss)).collect();
        assert_close(&name, &found, &expected.nll, TOLERANCE);
        let streamed = Arc::new(base).stream(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let streamed = Engine::new(AdapterCheckpoint::open(&dir).unwrap().apply(&streamed).unwrap(), 1);
        let streamed = streamed.losses(&[sequence], Detail::PerToken).unwrap();
        assert_eq!(streamed, losses, "{name}: with layers from disk");
    }
}

#[test]
fn an_untrained_adapter_is_refused() {
    for name in names() {
        let adapter = AdapterCheckpoint::open(fixture("adapters").join(&name)).unwrap();
        let checked = adapter.check_on(&base_of(&name), "base");
        if name == "untrained" {
            let error = checked.unwrap_err().to_string();
            assert!(error.contains("changes nothing") && error.contains(&name), "{error}");
        } else {
            checked.unwrap();
        }
    }
}

#[test]
fn a_resized_vocabulary_needs_the_resized_base() {
    let small = Checkpoint::open(fixture("models/llama-gqa")).unwrap();
    for name in ["resized", "resized-saved"] {
        let adapter = AdapterCheckpoint::open(fixture("adapters").join(name)).unwrap();
        let error = adapter.check_on(&small, "llama-gqa").unwrap_err().to_string();
        assert!(error.contains("expected embeddings of 48 tokens") && error.contains("found 51"), "{error}");
    }
}

/// A copy of an adapter with another config and other tensors.
fn changed(
    name: &str,
    config: impl Fn(&mut Value),
    keep: impl Fn(&str) -> Option<String>,
) -> (tempfile::TempDir, AdapterCheckpoint) {
    let (from, dir) = (fixture("adapters").join(name), tempfile::tempdir().unwrap());
    let mut json: Value = read_json(&from.join("adapter_config.json"));
    config(&mut json);
    fs_err::write(dir.path().join("adapter_config.json"), json.to_string()).unwrap();
    let bytes = fs_err::read(from.join("adapter_model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors().into_iter().filter_map(|(name, view)| Some((keep(&name)?, view)));
    let path = dir.path().join("adapter_model.safetensors");
    fs_err::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let adapter = AdapterCheckpoint::open(dir.path()).unwrap();
    (dir, adapter)
}

#[test]
fn tensors_and_targets_have_to_agree() {
    let all = |name: &str| Some(name.to_owned());
    let error = |config: &dyn Fn(&mut Value), keep: &dyn Fn(&str) -> Option<String>| {
        let (_dir, adapter) = changed("but-one", config, keep);
        adapter.check_on(&base_of("but-one"), "llama-gqa").unwrap_err().to_string()
    };
    let fewer = |config: &mut Value| config["target_modules"] = "q_proj".into();
    assert!(error(&fewer, &all).contains("unexpected"), "PEFT leaves out what is no target");
    let more = |config: &mut Value| config["exclude_modules"] = Value::Null;
    assert!(
        error(&more, &all)
            .contains("missing `base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight`")
    );
    let whole = |config: &mut Value| config["modules_to_save"] = vec!["lm_head"].into();
    assert!(error(&whole, &all).contains("missing `base_model.model.lm_head.weight`"));
    let without = |name: &str| Some(name.replace("base_model.model.", ""));
    assert!(error(&|_| {}, &without).contains("unexpected"), "PEFT leaves out names without its prefix");
}

#[test]
fn another_base_is_found_by_its_name() {
    let base = base_of("but-one");
    let check = |named: &str, base_name: &str| {
        let config = |config: &mut Value| config["base_model_name_or_path"] = named.into();
        let (_dir, adapter) = changed("but-one", config, |name| Some(name.to_owned()));
        adapter.check_on(&base, base_name).unwrap()
    };
    assert_eq!(check("org/Llama-8B", "/models/llama-8b"), []);
    assert_eq!(check("", "/models/llama-8b"), []);
    assert!(matches!(check("org/other", "org/llama")[..], [Finding::OtherBase { .. }]));
    assert!(matches!(
        check("unsloth/llama-8b-bnb-4bit", "org/llama-8b")[..],
        [Finding::TrainedOnRounded { .. }]
    ));
    let there = |name: &str| fixture("models").join(name).display().to_string();
    assert_eq!(check(&there("llama-gqa"), "elsewhere"), []);
    assert!(matches!(check(&there("llama-mha"), "elsewhere")[..], [Finding::OtherWeightsThere { .. }]));
}

/// What PEFT leaves out by default, or not, depending on the family.
fn is_expert(path: &str) -> bool {
    path.contains(".experts.")
}

#[test]
fn a_new_adapter_has_the_modules_of_pefts_all_linear() {
    #[derive(Deserialize)]
    struct AllLinear {
        modules: BTreeMap<String, BTreeSet<String>>,
    }
    let expected: AllLinear = read_json(&fixture("all_linear.json"));
    for (name, expected) in expected.modules {
        let base =
            Checkpoint::open(fixture(&name)).unwrap().load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let config = LoraConfig { rank: 1, ..LoraConfig::default() };
        let dir = tempfile::tempdir().unwrap();
        save_adapter(&config.attach(&base, 0).unwrap(), &config, "base", dir.path()).unwrap();
        let tensors = crate::training::tensors_of(&dir.path().join("adapter_model.safetensors"));
        let path = |name: &str| {
            Some(name.strip_prefix("base_model.model.")?.strip_suffix(".lora_A.weight")?.to_owned())
        };
        let found: BTreeSet<String> =
            tensors.keys().filter_map(|name| path(name)).filter(|path| !is_expert(path)).collect();
        assert_eq!(found, expected, "{name}");
        // Its names in the config are those that were meant, and it is read with all of them.
        let read = AdapterCheckpoint::open(dir.path()).unwrap().config();
        assert_eq!(read, config.on(base.spec()), "{name}");
    }
}

/// Records of trainings and directories of runs hold these names.
#[test]
fn the_default_targets_of_llama_are_its_seven_projections() {
    let seven = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    for name in ["llama-mha", "mistral", "qwen2", "qwen3", "smollm3"] {
        let base = Checkpoint::open(fixture("models").join(name)).unwrap();
        assert_eq!(LoraConfig::default().on(base.spec()).target_modules, seven, "{name}");
    }
}
