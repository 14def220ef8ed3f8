//! Weights and co-states on disk.

use std::path::{Path, PathBuf};

use lobass_influence::pds::{CoState, Growth};
use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
use sha2::{Digest as _, Sha256};

use crate::error::{Context as _, Result};

/// The weights before some steps, and the co-states after them. A file is there whole or not at all.
#[derive(Debug)]
pub(super) struct States {
    dir: PathBuf,
    n_values: usize,
}

impl States {
    /// Takes a directory, whose name stands for everything that its files depend on.
    pub(super) fn open(dir: &Path, n_values: usize) -> Result<Self> {
        fs_err::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), n_values })
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

/// A digest of weights.
pub(super) fn digest(weights: &[f32]) -> lobass_core::Digest {
    let mut hash = Sha256::new();
    for weight in weights {
        hash.update(weight.to_le_bytes());
    }
    lobass_core::Digest::of_hash(&hash.finalize())
}
