//! Vectors of rows: computing them, joining them, and a report.

use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::Detail;
use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count, counted};
use lobass_loss::Engine;
use lobass_run::{EmbeddingFile, EmbeddingManifest, EmbeddingOptions, ModelKey, Plan, WorkDir};
use serde::Serialize;

use crate::error::{Result, bail};
use crate::model::Model;
use crate::progress;
use crate::runtime::Runtime;
use crate::scoring::n_skipped;

/// Computes the vectors that are missing. With `losses`, the same pass also scores. The model is loaded only if
/// something is missing.
///
/// # Errors
/// If the model cannot be loaded, a vector is not finite, or a unit cannot be written.
pub fn embed(
    work: &WorkDir,
    model: &Model,
    losses: Option<Detail>,
    threads: usize,
    runtime: &Runtime,
) -> Result<()> {
    let is_scored = losses.map(|detail| work.is_scored(&model.key, detail)).transpose()?;
    let n_rows = work.plan().n_rows();
    if work.is_embedded(&model.key)? && is_scored != Some(false) {
        runtime.note(&format!(
            "{:16} done before: {}",
            format!("embed {}", model.key.role),
            counted(n_rows, "row")
        ));
        return Ok(());
    }
    let engine = Engine::new(model.load()?, threads);
    Ok(work.embed(
        &model.key,
        &engine.measured_by(model.key.measure),
        losses,
        &mut progress::stage(runtime, format!("embed {}", model.key.role), n_rows),
    )?)
}

/// Joins the vectors of a model into a file.
///
/// # Errors
/// If vectors are missing, or the file cannot be written.
pub fn write_embeddings(
    work: &WorkDir,
    model: &Model,
    options: EmbeddingOptions,
    out: &Path,
) -> Result<EmbeddingManifest> {
    Ok(work.write_embeddings(&model.key, model.checkpoint.config().hidden_size, options, out)?)
}

/// The report of the file of vectors, if it exists and is this one.
///
/// # Errors
/// If the file holds other vectors.
pub fn embeddings_done_before(
    out: &Path,
    plan: &Plan,
    model: &ModelKey,
    options: EmbeddingOptions,
    runtime: &Runtime,
) -> Result<Option<EmbeddingReport>> {
    if !out.exists() {
        return Ok(None);
    }
    let file = EmbeddingFile::open(out)?;
    check_embeddings(&file, plan, model, options)?;
    runtime.note(&format!("{:16} done before: {}", "embeddings", out.display()));
    Ok(Some(EmbeddingReport { embeddings: out.to_owned(), manifest: file.manifest().clone() }))
}

/// Refuses a file of other vectors.
///
/// # Errors
/// If the plan, the weights, the number format, or the options differ.
pub fn check_embeddings(
    file: &EmbeddingFile,
    plan: &Plan,
    model: &ModelKey,
    options: EmbeddingOptions,
) -> Result<()> {
    let (found, matrix) = (file.manifest(), file.matrix());
    let numbers = |key: &ModelKey| (key.weights_digest.clone(), key.dtype.clone());
    let same = found.plan == plan.id()
        && numbers(&found.model) == numbers(model)
        && found.normalized == options.normalize
        && matrix.format() == options.format;
    match same {
        true => Ok(()),
        false => bail!(
            Table,
            "`{}` was made from other data, another model, or other settings; remove it or use another name",
            matrix.path().display()
        ),
    }
}

/// The report of a file of vectors.
#[derive(Debug, Serialize)]
pub struct EmbeddingReport {
    /// The file.
    pub embeddings: PathBuf,
    /// The manifest of the file.
    pub manifest: EmbeddingManifest,
}

impl EmbeddingReport {
    /// Whether there are rows that could not be scored.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.manifest.missing) > 0
    }
}

impl fmt::Display for EmbeddingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { embeddings, manifest } = self;
        let mut text = Labelled::default();
        text.line("embeddings", embeddings.display());
        text.line("rows", format!("{} with a vector of {} values", count(manifest.n_present), manifest.dim));
        for (status, n) in &manifest.missing {
            text.line("rows", format!("{} {status}, without one", count(*n)));
        }
        text.line("digest", format!("{} of all tokens and vectors", &manifest.digest[..16]));
        text.fmt(f)
    }
}
