//! Vectors of rows: computing them, joining them, and a report.

use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::Detail;
use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count, counted};
pub use lobass_matrix::Format;
pub use lobass_run::EmbeddingOptions;
use lobass_run::{EmbeddingFile, EmbeddingManifest, Location, ModelKey, Plan, WorkDir};
use serde::Serialize;

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::model::Model;
use crate::outputs::work_beside;
use crate::place::told_in;
use crate::rows::Rows;
use crate::runtime::Runtime;
use crate::scoring::n_skipped;
use crate::sequences::{Sequences, open_pool};
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings, available_threads};
use crate::{progress, scoring};

/// A pool whose vectors are to be computed.
#[derive(Debug, Clone)]
pub struct EmbedJob<'a> {
    /// The model: a checkpoint directory or a hub id.
    pub model: &'a Path,
    /// The pool.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// The number format and the norm of the vectors.
    pub options: EmbeddingOptions,
    /// A work directory that keeps token ids and vectors. `None` keeps them beside `out` until the file is written.
    pub work: Option<&'a Location>,
    /// The file of the vectors.
    pub out: &'a Path,
}

impl EmbedJob<'_> {
    /// Computes a vector of every row and writes the file of vectors. An interrupted call is repeated to go on. If `out`
    /// already holds these vectors, nothing is computed.
    ///
    /// # Errors
    /// If the model or the data cannot be opened, `out` holds other vectors, or the observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<EmbeddingReport> {
        let missing = Missing::default().model("base", self.model);
        missing.data(self.data, runtime).apart(self.out, self.data).sequences(self.sequences).end()?;
        let base = Model::open_as("base", self.model, self.compute, runtime)?;
        let pool = open_pool(self.data, runtime)?;
        let options = EmbedOptions {
            sequences: self.sequences.clone(),
            vectors: self.options,
            work: self.work.cloned(),
            threads: Some(self.compute.threads()),
        };
        embed_rows(&pool, &base, &options, self.out, runtime)
    }
}

/// Options of [`embed_rows`].
#[derive(Debug, Clone, Default)]
pub struct EmbedOptions {
    /// The chat template, the mask, and the maximal length.
    pub sequences: EncodeSettings,
    /// The number format and the norm of the vectors.
    pub vectors: EmbeddingOptions,
    /// A work directory that keeps token ids and vectors. `None` keeps them beside the file until it is written.
    pub work: Option<Location>,
    /// Threads; `None` takes one per core.
    pub threads: Option<usize>,
}

/// Computes a vector of every row, and writes the file of vectors that `rds` and choices of different rows read.
///
/// An interrupted call is repeated to go on. If `out` already holds these vectors, nothing is computed.
///
/// # Errors
/// If the rows have no known format, `out` holds other vectors, or the observer asks to stop.
pub fn embed_rows(
    rows: &(impl Rows + ?Sized),
    base: &Model,
    options: &EmbedOptions,
    out: &Path,
    runtime: &Runtime,
) -> Result<EmbeddingReport> {
    let beside = work_beside(out);
    let place = options.work.clone().unwrap_or_else(|| beside.as_path().into());
    let told = match told_in(&place, runtime)? {
        None if out.exists() => EmbeddingFile::open(out)?.manifest().template.now.clone(),
        told => told,
    };
    let (pool, encode) = (rows.pool()?.into_owned(), &options.sequences);
    let sequences = Sequences::of(pool, encode, base.dir(), base.checkpoint.spec(), told, runtime)?;
    let plan = sequences.plan()?;
    if let Some(report) = embeddings_done_before(out, &plan, &base.key, options.vectors, runtime)? {
        if options.work.is_none() {
            scoring::clean_up(&beside, plan, runtime)?;
        }
        return Ok(report);
    }
    let threads = options.threads.unwrap_or_else(available_threads).max(1);
    if options.work.is_none() {
        scoring::remove_idle(&beside, &plan, runtime)?;
    }
    let work = scoring::encode(&sequences, &plan, &place, threads, runtime)?;
    embed(&work, base, None, threads, runtime)?;
    let manifest = write_embeddings(&work, base, options.vectors, out)?;
    if options.work.is_none() {
        work.remove()?;
    }
    Ok(EmbeddingReport { embeddings: out.to_owned(), manifest })
}

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
    let engine = model.engine(threads, runtime)?;
    let engine = engine.measured_by(model.key.measure);
    let observe = &mut progress::stage(runtime, format!("embed {}", model.key.role), n_rows);
    let mut goes_on = |_| !runtime.is_interrupted();
    runtime.stopped(work.embed_while(&model.key, &engine, losses, &mut goes_on, observe))
}

/// Joins the vectors of a model into a file.
///
/// # Errors
/// If vectors are missing, or the file cannot be written.
pub(crate) fn write_embeddings(
    work: &WorkDir,
    model: &Model,
    options: EmbeddingOptions,
    out: &Path,
) -> Result<EmbeddingManifest> {
    Ok(work.write_embeddings(&model.key, model.checkpoint.spec().hidden_size, options, out)?)
}

/// The report of the file of vectors, if it exists and is this one.
///
/// # Errors
/// If the file holds other vectors.
fn embeddings_done_before(
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
pub(crate) fn check_embeddings(
    file: &EmbeddingFile,
    plan: &Plan,
    model: &ModelKey,
    options: EmbeddingOptions,
) -> Result<()> {
    let (found, matrix) = (file.manifest(), file.matrix());
    let numbers = |key: &ModelKey| (key.weights_digest.clone(), key.dtype);
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
