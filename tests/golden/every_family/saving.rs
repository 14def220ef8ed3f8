//! What is saved is what was read.

use std::path::Path;

use lobass_model::{AdapterCheckpoint, Checkpoint, DeviceName, Dtype, save_adapter};

use super::Family;
use crate::training::tensors_of;

#[test]
fn what_is_saved_is_what_was_read() {
    for Family { name, dir, checkpoint, .. } in Family::all() {
        let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let copy = tempfile::tempdir().unwrap();
        checkpoint.save_successor(&model, Dtype::F32, copy.path()).unwrap();
        let tensors = |dir: &Path| tensors_of(&dir.join("model.safetensors"));
        assert!(tensors(copy.path()) == tensors(&dir), "{name}: other tensors");
        let again = Checkpoint::open(copy.path()).unwrap();
        assert!(again.is_same_model(&checkpoint), "{name}: another model");
    }
}

#[test]
fn what_is_saved_of_an_adapter_is_what_peft_writes() {
    for family in Family::all() {
        for adapter in family.adapters() {
            let (name, config) = (&adapter.name, adapter.checkpoint.config());
            let copy = tempfile::tempdir().unwrap();
            save_adapter(&adapter.adapted(), &config, "base", copy.path()).unwrap();
            let tensors = |dir: &Path| tensors_of(&dir.join("adapter_model.safetensors"));
            assert!(tensors(copy.path()) == tensors(&adapter.dir), "{name}: other tensors");
            assert_eq!(AdapterCheckpoint::open(copy.path()).unwrap().config(), config, "{name}");
        }
    }
}
