//! Merged models against a NumPy implementation, to the bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use lobass::Runtime;
use lobass::merge::{MergeModelsJob, MergeRecord};
use lobass_merge::{Method, MethodName, Recipe};
use lobass_model::{Checkpoint, Dtype};
use lobass_tests::{fixture, read_json};
use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    sets: BTreeMap<String, Set>,
}

#[derive(Deserialize)]
struct Set {
    models: Vec<Case>,
    adapters: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    method: MethodName,
    weights: Vec<f64>,
    normalize: Option<bool>,
    lambda: Option<f64>,
    #[serde(default)]
    resample: bool,
    #[serde(default)]
    seed: u64,
    dtype: Dtype,
}

impl Case {
    fn recipe(&self) -> Recipe {
        let method = match self.method {
            MethodName::Linear => Method::Linear { normalize: self.normalize.unwrap_or(true) },
            MethodName::TaskArithmetic => Method::TaskArithmetic {
                normalize: self.normalize.unwrap_or(false),
                lambda: self.lambda.unwrap_or(1.0),
            },
            MethodName::ParameterSelection => {
                Method::ParameterSelection { resample: self.resample, seed: self.seed }
            }
        };
        Recipe { method, weights: self.weights.clone() }
    }
}

/// Names, shapes, and values of a file.
fn tensors(path: &Path) -> BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<f32>)> {
    let bytes = fs_err::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let of = |view: safetensors::tensor::TensorView<'_>| {
        let two = || view.data().as_chunks::<2>().0.iter();
        let values = match view.dtype() {
            safetensors::Dtype::BF16 => two().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
            safetensors::Dtype::F16 => two().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            _ => view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        };
        (view.dtype(), view.shape().to_vec(), values)
    };
    file.tensors().into_iter().map(|(name, view)| (name, of(view))).collect()
}

fn check(base: &str, case: &Case, models: &[&str]) {
    let folder = fixture("merging").join(base);
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("merged");
    let models: Vec<PathBuf> = models.iter().map(|name| folder.join(name)).collect();
    let base_dir = fixture("models").join(base);
    let (recipe, dtype) = (case.recipe(), Some(case.dtype));
    let job = MergeModelsJob { base: Some(base_dir.clone()), models, recipe, dtype, quantize_base: None };
    job.run(&out, &Runtime::default()).unwrap();
    let found = tensors(&out.join("model.safetensors"));
    let expected = tensors(&folder.join(format!("{}.safetensors", case.name)));
    let place = format!("{base}, {}", case.name);
    assert!(found.keys().eq(expected.keys()), "{place}: {:?}", found.keys());
    let unlike = |name: &String| -> usize {
        let ((_, _, found), (_, _, expected)) = (&found[name], &expected[name]);
        found.iter().zip(expected).filter(|(found, expected)| found.to_bits() != expected.to_bits()).count()
    };
    for (name, (dtype, shape, values)) in &found {
        assert_eq!((dtype, shape), (&expected[name].0, &expected[name].1), "{place}: {name}");
        assert_eq!(unlike(name), 0, "{place}: {name}, of {} values", values.len());
    }
    // Everything that a reader needs, and the record.
    let checkpoint = Checkpoint::open(&out).unwrap();
    assert_eq!(checkpoint.dtype(), case.dtype, "{place}");
    let record = MergeRecord::read(&out).unwrap().unwrap();
    assert_eq!((record.recipe, record.models.len()), (case.recipe(), case.weights.len()), "{place}");
    let total = record.outcome.unwrap().total();
    assert_eq!(total.n_parameters, checkpoint.spec().n_parameters() as u64, "{place}");
}

#[test]
fn merged_checkpoints_are_those_of_numpy() {
    let cases: Cases = read_json(&fixture("merging").join("cases.json"));
    for (base, set) in &cases.sets {
        for case in &set.models {
            check(base, case, &["one", "two", "three"]);
        }
    }
}

#[test]
fn merged_adapters_are_those_of_numpy() {
    let cases: Cases = read_json(&fixture("merging").join("cases.json"));
    for (base, set) in &cases.sets {
        for case in &set.adapters {
            check(base, case, &["adapter0", "adapter1"]);
        }
    }
}
