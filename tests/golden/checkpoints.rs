//! Saving keeps every bit; what is written opens again.

use std::path::Path;

use lobass_model::{Checkpoint, DeviceName, Dtype, expected_tensors, save};
use lobass_tests::fixture;
use safetensors::SafeTensors;

fn tensors_of(path: &Path) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let bytes = fs_err::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort();
    tensors
}

#[test]
fn a_saved_checkpoint_has_the_same_names_and_bits() {
    for (name, dtype) in [
        ("llama-gqa", Dtype::F32),
        ("llama-bf16", Dtype::Bf16),
        ("llama-f16", Dtype::F16),
        ("qwen2", Dtype::F32),
        ("qwen3", Dtype::F32),
        ("llama-biases", Dtype::F32),
    ] {
        let source = fixture("models").join(name);
        let checkpoint = Checkpoint::open(&source).unwrap();
        assert_eq!(checkpoint.dtype(), dtype);
        let model = checkpoint.load(dtype, &DeviceName::Cpu.open()).unwrap();
        let copy = tempfile::tempdir().unwrap();
        save(&model, checkpoint.config_json(), dtype, copy.path()).unwrap();
        assert_eq!(
            tensors_of(&copy.path().join("model.safetensors")),
            tensors_of(&source.join("model.safetensors")),
            "{name}"
        );
        let reopened = Checkpoint::open(copy.path()).unwrap();
        assert_eq!(reopened.spec(), checkpoint.spec());
    }
}

#[test]
fn an_f32_model_saved_in_bf16_keeps_what_bf16_can_hold() {
    let checkpoint = Checkpoint::open(fixture("models/llama-bf16")).unwrap();
    let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    save(&model, checkpoint.config_json(), Dtype::Bf16, copy.path()).unwrap();
    let reopened = Checkpoint::open(copy.path()).unwrap();
    assert_eq!(reopened.dtype(), Dtype::Bf16);
    assert_eq!(
        tensors_of(&copy.path().join("model.safetensors")),
        tensors_of(&fixture("models/llama-bf16/model.safetensors"))
    );
}

#[test]
fn a_tied_checkpoint_saves_one_tensor_for_both() {
    let checkpoint = Checkpoint::open(fixture("models/llama-tied-head-only")).unwrap();
    let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    save(&model, checkpoint.config_json(), Dtype::F32, copy.path()).unwrap();
    let names: Vec<_> =
        tensors_of(&copy.path().join("model.safetensors")).into_iter().map(|(name, ..)| name).collect();
    assert!(names.contains(&"model.embed_tokens.weight".to_owned()));
    assert!(!names.contains(&"lm_head.weight".to_owned()));
    assert_eq!(names.len(), expected_tensors(checkpoint.spec()).len());
}

#[test]
fn the_digest_is_of_the_weights_and_not_of_their_files() {
    let sharded = Checkpoint::open(fixture("models/llama-sharded")).unwrap();
    let model = sharded.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    save(&model, sharded.config_json(), Dtype::F32, copy.path()).unwrap();
    // Saving reformats the config; the digest covers the config's text, so compare with the original's beside it.
    fs_err::write(copy.path().join("config.json"), sharded.config_json()).unwrap();
    assert_eq!(Checkpoint::open(copy.path()).unwrap().weights_digest(), sharded.weights_digest());
    let other = Checkpoint::open(fixture("models/llama-gqa")).unwrap();
    assert_ne!(other.weights_digest(), sharded.weights_digest());
    assert!(!other.is_same_model(&sharded));
    // Other words for the same config are another digest, and the same model.
    let config = sharded.config_json().replacen('{', "{\"torch_dtype\": \"float32\", ", 1);
    fs_err::write(copy.path().join("config.json"), config).unwrap();
    let reworded = Checkpoint::open(copy.path()).unwrap();
    assert_ne!(reworded.weights_digest(), sharded.weights_digest());
    assert!(reworded.is_same_model(&sharded));
}
