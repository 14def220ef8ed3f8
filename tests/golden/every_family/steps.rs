//! Gradients and five AdamW steps, of all weights and of adapters.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_model::{Decoder, Dtype, save_adapter};
use lobass_train::Objective;

use super::{Adapter, Family};
use crate::training::{Case, tensors_of};

/// What a way of saving writes to a file.
fn written(file: &str, save: impl FnOnce(&Path)) -> BTreeMap<String, Vec<f64>> {
    let dir = tempfile::tempdir().unwrap();
    save(dir.path());
    tensors_of(&dir.path().join(file))
}

/// Calls `check` with the steps of all weights.
fn with_weights(family: &Family, check: impl FnOnce(&Case<'_>)) {
    let stored = |model: &Decoder| {
        written("model.safetensors", |dir| family.checkpoint.save_successor(model, Dtype::F32, dir).unwrap())
    };
    let batch = family.batch();
    check(&Case {
        name: format!("{}, all weights", family.name),
        dir: family.dir.join("full"),
        stored: &stored,
        recipe: &family.expected.recipe,
        steps: &family.expected.full,
        model: family.load(Dtype::F32),
        objective: Objective::Sft(&batch),
    });
}

/// Calls `check` with the steps of each adapter.
fn with_adapters(family: &Family, check: impl Fn(&Case<'_>)) {
    family.adapters().iter().for_each(|adapter| with_adapter(adapter, &check));
}

fn with_adapter(adapter: &Adapter<'_>, check: impl FnOnce(&Case<'_>)) {
    let (family, config) = (adapter.family, adapter.checkpoint.config());
    let stored = |model: &Decoder| {
        written("adapter_model.safetensors", |dir| save_adapter(model, &config, "base", dir).unwrap())
    };
    let batch = family.batch();
    check(&Case {
        name: adapter.name.clone(),
        dir: adapter.dir.clone(),
        stored: &stored,
        recipe: &family.expected.recipe,
        steps: &adapter.expected.steps,
        model: adapter.adapted(),
        objective: Objective::Sft(&batch),
    });
}

#[test]
fn five_steps_of_all_weights() {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "a case borrows what the method alone cannot"
    )]
    for family in Family::all() {
        with_weights(&family, |case| case.check());
    }
}

#[test]
fn five_steps_of_adapters() {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "a case borrows what the method alone cannot"
    )]
    for family in Family::all() {
        with_adapters(&family, |case| case.check());
    }
}

#[test]
fn neither_threads_nor_recomputation_change_a_bit() {
    let check = |case: &Case<'_>| {
        let (one, steps_one) = case.train(&case.config(20, false), 1);
        for (threads, recompute) in [(3, false), (2, true)] {
            let (other, steps) = case.train(&case.config(20, recompute), threads);
            let what = format!("{}, {threads} threads, recompute {recompute}", case.name);
            assert_eq!(steps, steps_one, "{what}");
            for (name, _) in one.trained_parameters() {
                assert_eq!(one.weight(&name), other.weight(&name), "{what}: {name}");
            }
        }
    };
    for family in Family::all() {
        with_weights(&family, check);
        with_adapters(&family, check);
    }
}
