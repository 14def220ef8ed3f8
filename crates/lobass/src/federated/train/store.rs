//! The weights of rounds and of clients on disk.

use std::path::{Path, PathBuf};

use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
use serde::{Deserialize, Serialize};

use super::report::RoundReport;
use crate::error::{Context as _, Result};

/// What a client did in a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClientOutcome {
    /// The digest of the weights that it began with.
    pub(super) from: String,
    /// Its steps.
    pub(super) n_steps: usize,
    /// The loss of its first step, in nats a token.
    pub(super) first_loss: f64,
    /// The loss of its last step.
    pub(super) last_loss: f64,
}

/// A directory of the weights after each round, and of each client of the round that runs. Files are there whole or not
/// at all.
#[derive(Debug)]
pub(super) struct RoundStore {
    dir: PathBuf,
}

impl RoundStore {
    /// Opens the directory of a simulation, whose digest is part of the name.
    pub(super) fn open(dir: &Path, digest: &str) -> Result<Self> {
        let dir = dir.join(digest);
        fs_err::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    fn round_file(&self, stage: &str, round: usize) -> PathBuf {
        self.dir.join(format!("{stage}-{round:04}.safetensors"))
    }

    fn client_file(&self, stage: &str, round: usize, client: usize) -> PathBuf {
        self.dir.join(format!("{stage}-{round:04}-client-{client:04}.safetensors"))
    }

    /// The weights after a round, with the report of it.
    pub(super) fn round(&self, stage: &str, round: usize) -> Result<Option<(Vec<f32>, RoundReport)>> {
        let path = self.round_file(stage, round);
        let Some((weights, text)) = read(&path)? else { return Ok(None) };
        Ok(Some((weights, serde_json::from_str(&text)?)))
    }

    /// Keeps the weights after a round, and removes those of its clients.
    pub(super) fn write_round(
        &self,
        stage: &str,
        round: usize,
        weights: &[f32],
        report: &RoundReport,
    ) -> Result<()> {
        write(&self.round_file(stage, round), weights, &serde_json::to_string(report)?)?;
        for &client in &report.clients {
            let path = self.client_file(stage, round, client);
            if path.exists() {
                fs_err::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The weights of a client after its part of a round, if it began with the weights of this digest.
    pub(super) fn client(
        &self,
        stage: &str,
        round: usize,
        client: usize,
        from: &str,
    ) -> Result<Option<(Vec<f32>, ClientOutcome)>> {
        let Some((weights, text)) = read(&self.client_file(stage, round, client))? else { return Ok(None) };
        let outcome: ClientOutcome = serde_json::from_str(&text)?;
        Ok(Some((weights, outcome)).filter(|(_, outcome)| outcome.from == from))
    }

    /// Keeps the weights of a client.
    pub(super) fn write_client(
        &self,
        stage: &str,
        round: usize,
        client: usize,
        weights: &[f32],
        outcome: &ClientOutcome,
    ) -> Result<()> {
        write(&self.client_file(stage, round, client), weights, &serde_json::to_string(outcome)?)
    }
}

fn write(path: &Path, weights: &[f32], metadata: &str) -> Result<()> {
    let shape = Shape { n_rows: 1, dim: weights.len() };
    let mut writer = MatrixWriter::create(path, shape, Format::F32, metadata)?;
    writer.push(Some(weights))?;
    Ok(writer.finish()?)
}

fn read(path: &Path) -> Result<Option<(Vec<f32>, String)>> {
    if !path.exists() {
        return Ok(None);
    }
    let matrix = Matrix::open(path)?;
    let weights = matrix.row(0).with_context(|| format!("weights in `{}`", path.display()))?.into_owned();
    Ok(Some((weights, matrix.metadata().to_owned())))
}
