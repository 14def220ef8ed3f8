//! Weights and co-states on disk.

use std::path::{Path, PathBuf};

use lobass_influence::pds::{CoState, Growth};
use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::{Context as _, Result};

/// The file of everything that the others in a directory depend on.
const FACTS: &str = "settings.json";

/// The weights before some steps, and the co-states after them. A file is there whole or not at all.
#[derive(Debug)]
pub(super) struct States {
    dir: PathBuf,
    facts: Value,
    n_values: usize,
}

impl States {
    /// Takes the directory among others whose name is a digest of everything that its files depend on.
    pub(super) fn of(all: &Path, facts: Value, n_values: usize) -> Result<Self> {
        let name = lobass_core::Digest::of_hash(&Sha256::digest(serde_json::to_vec(&facts)?));
        Ok(Self { dir: all.join(&name.as_str()[..16]), facts, n_values })
    }

    /// Makes the directory, with its facts.
    pub(super) fn begin(&self) -> Result<()> {
        fs_err::create_dir_all(&self.dir)?;
        Ok(lobass_files::write_whole(&self.dir.join(FACTS), &serde_json::to_vec_pretty(&self.facts)?)?)
    }

    /// If this directory is not begun, but another one beside it: what its facts have instead. Of several, those of the
    /// one with the fewest differences.
    pub(super) fn of_others(&self) -> Result<Option<Vec<String>>> {
        let Some(all) = self.dir.parent().filter(|all| all.exists() && !self.dir.exists()) else {
            return Ok(None);
        };
        let mut fewest: Option<Vec<String>> = None;
        for entry in fs_err::read_dir(all)? {
            let path = entry?.path().join(FACTS);
            if !path.exists() {
                continue; // of an earlier version
            }
            let facts = serde_json::from_slice(&fs_err::read(&path)?)
                .with_context(|| format!("`{}`: expected the settings of a training", path.display()))?;
            let found = differences(&facts, &self.facts);
            if fewest.as_ref().is_none_or(|fewest| found.len() < fewest.len()) {
                fewest = Some(found);
            }
        }
        Ok(fewest)
    }

    fn weights_file(&self, step: usize) -> PathBuf {
        self.dir.join(format!("weights-{step:06}.safetensors"))
    }

    fn costate_file(&self, step: usize) -> PathBuf {
        self.dir.join(format!("costate-{step:06}.safetensors"))
    }

    pub(super) fn has_weights(&self, step: usize) -> bool {
        self.weights_file(step).exists()
    }

    pub(super) fn has_costate(&self, step: usize) -> bool {
        self.costate_file(step).exists()
    }

    /// Keeps the weights before a step.
    pub(super) fn write_weights(&self, step: usize, weights: &[f32]) -> Result<()> {
        self.write(&self.weights_file(step), &[weights], "")
    }

    /// The weights before a step.
    pub(super) fn weights(&self, step: usize) -> Result<Vec<f32>> {
        let [weights] = self.read(&self.weights_file(step))?.0;
        Ok(weights)
    }

    /// Keeps the co-state after a step, in f32, and returns what is read back.
    #[expect(clippy::cast_possible_truncation, reason = "it is kept in f32")]
    pub(super) fn write_costate(&self, step: usize, costate: &CoState) -> Result<CoState> {
        let rounded = |vector: &[f64]| vector.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let (vector, first) = (rounded(&costate.vector), rounded(&costate.first_order));
        let growth = serde_json::to_string(&costate.growth)?;
        self.write(&self.costate_file(step), &[&vector, &first], &growth)?;
        self.costate(step)
    }

    /// The co-state after a step.
    pub(super) fn costate(&self, step: usize) -> Result<CoState> {
        let ([vector, first_order], growth) = self.read(&self.costate_file(step))?;
        let growth: Growth = serde_json::from_str(&growth)?;
        let wide = |vector: Vec<f32>| vector.into_iter().map(f64::from).collect();
        Ok(CoState { at: step + 1, vector: wide(vector), first_order: wide(first_order), growth })
    }

    fn write(&self, path: &Path, rows: &[&[f32]], metadata: &str) -> Result<()> {
        let shape = Shape { n_rows: rows.len(), dim: self.n_values };
        let mut writer = MatrixWriter::create(path, shape, Format::F32, metadata)?;
        for row in rows {
            writer.push(Some(row))?;
        }
        Ok(writer.finish()?)
    }

    fn read<const N: usize>(&self, path: &Path) -> Result<([Vec<f32>; N], String)> {
        let matrix = Matrix::open(path)?;
        let rows: Vec<Vec<f32>> = (0..N).filter_map(|row| Some(matrix.row(row)?.into_owned())).collect();
        let rows = rows.try_into().ok().filter(|_| matrix.shape().dim == self.n_values);
        let expected = || format!("`{}`: {N} vectors of {} values", path.display(), self.n_values);
        Ok((rows.with_context(expected)?, matrix.metadata().to_owned()))
    }
}

/// What differs between the facts of two trainings, by the flags that decide it.
fn differences(there: &Value, here: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (field, flag) in [("weights", "--base"), ("device", "--device"), ("rounding", "--quantize-base")] {
        compare(flag, &there[field], &here[field], &mut found);
    }
    for (field, what) in [("pool", "the pool"), ("target", "the targets"), ("version", "the version")] {
        if there[field] != here[field] {
            found.push(format!("{what} is another"));
        }
    }
    let (there, here) = (&there["settings"], &here["settings"]);
    let fields = |value: &Value| value.as_object().map_or(Vec::new(), |all| all.keys().cloned().collect());
    for field in fields(here) {
        match (field.as_str(), &there[&field], &here[&field]) {
            ("seed", there, here) => compare("--train-seed", there, here, &mut found),
            ("adapter", there, here) if there.is_object() && here.is_object() => {
                for field in fields(here) {
                    compare(lora_flag(&field), &there[&field], &here[&field], &mut found);
                }
            }
            ("adapter", there, here) => {
                let method = |adapter: &Value| if adapter.is_null() { "full" } else { "lora" }.into();
                compare("--method", &method(there), &method(here), &mut found);
            }
            (field, there, here) => {
                compare(&format!("--{}", field.replace('_', "-")), there, here, &mut found);
            }
        }
    }
    found
}

/// The flag of a setting of an adapter.
fn lora_flag(field: &str) -> &'static str {
    match field {
        "rank" => "--lora-rank",
        "alpha" => "--lora-alpha",
        "rslora" => "--rslora",
        "dropout" => "--lora-dropout",
        "target_modules" => "--lora-targets",
        _ => "--modules-to-save",
    }
}

fn compare(flag: &str, there: &Value, here: &Value, found: &mut Vec<String>) {
    let shown = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    if there != here {
        found.push(format!("`{flag}` is {} there, and {} here", shown(there), shown(here)));
    }
}

/// A digest of weights.
pub(super) fn digest(weights: &[f32]) -> lobass_core::Digest {
    let mut hash = Sha256::new();
    for weight in weights {
        hash.update(weight.to_le_bytes());
    }
    lobass_core::Digest::of_hash(&hash.finalize())
}
