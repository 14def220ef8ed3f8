//! Checkpoints in few bits decode to what the tools that wrote them decode, bit for bit.

use std::collections::BTreeMap;

use lobass_model::{Checkpoint, DeviceName, Dtype, Finding, Rounding, expected_tensors};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::families::token_losses;

/// f32 against f32.
const TOLERANCE: f64 = 1e-4;

const CASES: [&str; 8] =
    ["nf4", "nf4-double", "int8", "fp8-block", "fp8-tensor", "compressed-row", "compressed-tensor", "mxfp4"];

#[derive(Deserialize)]
struct Expected {
    input_ids: Vec<u32>,
    nll: Vec<f64>,
    /// SHA-256 of each weight in f32.
    weights: BTreeMap<String, String>,
}

fn digests(checkpoint: &Checkpoint, dtype: Dtype) -> BTreeMap<String, String> {
    let model = checkpoint.load(dtype, &DeviceName::Cpu.open()).unwrap();
    let digest = |name: &str| {
        let values = model.weight(name).unwrap();
        let bytes: Vec<u8> = values.iter::<f32>().flat_map(f32::to_le_bytes).collect();
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let specs = expected_tensors(checkpoint.spec());
    specs.iter().map(|spec| (spec.name.clone(), digest(&spec.name))).collect()
}

#[test]
fn weights_and_losses_are_those_of_the_tools() {
    for name in CASES {
        let dir = fixture("quantized").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let checkpoint = Checkpoint::open(&dir).unwrap();
        assert_eq!(digests(&checkpoint, Dtype::F32), expected.weights, "{name}");
        let found = token_losses(&checkpoint, Dtype::F32, &[expected.input_ids]);
        assert_close(name, &found[0], &expected.nll, TOLERANCE);
        assert!(
            checkpoint.findings().iter().any(|finding| matches!(finding, Finding::Decoded { count: 7, .. }))
        );
    }
}

/// Stacks of experts, which files in few bits do not transpose as plain ones do.
#[test]
fn experts_are_those_of_transformers() {
    let dir = fixture("quantized").join("mxfp4-experts");
    let expected: Expected = read_json(&dir.join("expected.json"));
    let checkpoint = Checkpoint::open(&dir).unwrap();
    let mut found = digests(&checkpoint, Dtype::F32);
    found.retain(|name, _| expected.weights.contains_key(name));
    assert_eq!(found, expected.weights);
    let found = token_losses(&checkpoint, Dtype::F32, &[expected.input_ids]);
    assert_close("experts", &found[0], &expected.nll, TOLERANCE);
}

/// A model that was made from one is plain: its config does not say otherwise, and its values are the decoded ones.
#[test]
fn a_saved_successor_is_plain() {
    for name in CASES {
        let checkpoint = Checkpoint::open(fixture("quantized").join(name)).unwrap();
        let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let out = tempfile::tempdir().unwrap();
        checkpoint.save_successor(&model, Dtype::F32, out.path()).unwrap();
        let config: Value = read_json(&out.path().join("config.json"));
        assert_eq!(config.get("quantization_config"), None, "{name}");
        let saved = Checkpoint::open(out.path()).unwrap();
        assert_eq!(digests(&saved, Dtype::F32), digests(&checkpoint, Dtype::F32), "{name}");
        assert_ne!(saved.weights_digest(), checkpoint.weights_digest());
        assert!(checkpoint.is_same_model(&checkpoint) && !checkpoint.is_same_model(&saved));
    }
}

/// A copy of a checkpoint with other tensors and another config.
fn changed(
    name: &str,
    keep: impl Fn(&str) -> bool,
    config: impl Fn(&mut Value),
) -> (tempfile::TempDir, Result<Checkpoint, lobass_model::Error>) {
    let (from, dir) = (fixture("quantized").join(name), tempfile::tempdir().unwrap());
    let mut json: Value = read_json(&from.join("config.json"));
    config(&mut json);
    fs_err::write(dir.path().join("config.json"), json.to_string()).unwrap();
    let bytes = fs_err::read(from.join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors().into_iter().filter(|(name, _)| keep(name));
    fs_err::write(dir.path().join("model.safetensors"), safetensors::serialize(tensors, None).unwrap())
        .unwrap();
    let opened = Checkpoint::open(dir.path());
    (dir, opened)
}

#[test]
fn damaged_ones_are_refused_with_the_name_of_the_tensor() {
    let error = |name: &str, without: &str| {
        let (_dir, opened) = changed(name, |tensor| !tensor.ends_with(without), |_| {});
        opened.unwrap_err().to_string()
    };
    for (name, without, missing) in [
        ("nf4", "o_proj.weight.absmax", "model.layers.0.self_attn.o_proj.weight.absmax"),
        ("nf4-double", "o_proj.weight.nested_absmax", "model.layers.0.self_attn.o_proj.weight.nested_absmax"),
        ("fp8-block", "o_proj.weight_scale_inv", "model.layers.0.self_attn.o_proj.weight_scale"),
        ("int8", "o_proj.SCB", "model.layers.0.self_attn.o_proj.weight"),
        ("mxfp4", "o_proj.weight_scales", "model.layers.0.self_attn.o_proj.weight"),
    ] {
        let message = error(name, without);
        assert!(message.contains(&format!("`{missing}`")), "{message}");
    }
    // Without the config's word for it, tensors in few bits are not expected.
    let (_dir, opened) = changed("nf4", |_| true, |config| config["quantization_config"] = Value::Null);
    assert!(opened.unwrap_err().to_string().contains("unexpected"));
}

/// A plain base is rounded to what bitsandbytes makes of it, bit for bit.
#[test]
fn a_rounded_base_is_that_of_the_tool() {
    let dir = fixture("quantized/plain");
    let expected: BTreeMap<String, BTreeMap<String, String>> = read_json(&dir.join("rounded.json"));
    let plain = Checkpoint::open(&dir).unwrap();
    for (name, to) in [("nf4", Rounding::Nf4), ("nf4_single", Rounding::Nf4Single)] {
        let rounded = Checkpoint::open(&dir).unwrap().rounded(to).unwrap();
        assert_eq!(digests(&rounded, Dtype::F32), expected[name], "{name}");
        assert_eq!(rounded.rounding(), Some(to));
        assert_ne!(rounded.weights_digest(), plain.weights_digest());
        assert!(!rounded.is_same_model(&plain) && rounded.is_same_model(&rounded));
    }
    let rounded = |to| Checkpoint::open(&dir).unwrap().rounded(to).unwrap().weights_digest();
    assert_ne!(rounded(Rounding::Nf4), rounded(Rounding::Nf4Single));
}

/// Rounding twice would hide what the base is.
#[test]
fn a_base_in_few_bits_is_not_rounded_again() {
    let checkpoint = Checkpoint::open(fixture("quantized/nf4")).unwrap();
    assert_eq!(checkpoint.stored_format().as_deref(), Some("NF4"));
    let error = checkpoint.rounded(Rounding::Nf4).unwrap_err().to_string();
    assert!(
        error.contains("plain weights without experts") && error.ends_with("found weights in NF4"),
        "{error}"
    );
}
