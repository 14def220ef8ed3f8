//! Vectors of rows: computed, joined, and reported.

use std::path::Path;

use anyhow::bail;
use lobass_core::{Detail, Observer as _};
use lobass_loss::Engine;
use lobass_run::{EmbeddingFile, EmbeddingManifest, EmbeddingOptions, ModelKey, Plan, WorkDir};
use serde_json::json;

use super::n_skipped;
use crate::exit::Outcome;
use crate::models::Model;
use crate::progress::run_stage;
use crate::text::{Labelled, count, counted};
use crate::ui::Ui;

/// Makes the vectors that a model has not made yet, and with `losses` scores in the same pass; loads the model only if
/// there is something to do.
pub(crate) fn embed(
    work: &WorkDir,
    model: &Model,
    losses: Option<Detail>,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<()> {
    let is_scored = losses.map(|detail| work.is_scored(&model.key, detail)).transpose()?;
    let n_rows = work.plan().n_rows();
    if work.is_embedded(&model.key)? && is_scored != Some(false) {
        ui.note(&format!(
            "{:16} done before: {}",
            format!("embed {}", model.key.role),
            counted(n_rows, "row")
        ));
        return Ok(());
    }
    let engine = Engine::new(model.load()?, threads);
    Ok(work.embed(&model.key, &engine, losses, &mut run_stage(ui, n_rows))?)
}

/// Joins the vectors of a model into a file.
pub(crate) fn write_embeddings(
    work: &WorkDir,
    model: &Model,
    options: EmbeddingOptions,
    out: &Path,
) -> anyhow::Result<EmbeddingManifest> {
    Ok(work.write_embeddings(&model.key, model.checkpoint.config().hidden_size, options, out)?)
}

/// A file that is there already is either this one or none of our business.
pub(crate) fn embeddings_done_before(
    out: &Path,
    plan: &Plan,
    model: &ModelKey,
    options: EmbeddingOptions,
    ui: &Ui,
) -> anyhow::Result<Option<Outcome>> {
    if !out.exists() {
        return Ok(None);
    }
    let file = EmbeddingFile::open(out)?;
    check_embeddings(&file, plan, model, options)?;
    ui.note(&format!("{:16} done before: {}", "embeddings", out.display()));
    say_embeddings(out, file.manifest(), ui).map(Some)
}

/// Refuses a file of other vectors than these.
pub(crate) fn check_embeddings(
    file: &EmbeddingFile,
    plan: &Plan,
    model: &ModelKey,
    options: EmbeddingOptions,
) -> anyhow::Result<()> {
    let (found, matrix) = (file.manifest(), file.matrix());
    let numbers = |key: &ModelKey| (key.weights_digest.clone(), key.dtype.clone());
    let same = found.plan == plan.id()
        && numbers(&found.model) == numbers(model)
        && found.normalized == options.normalize
        && matrix.format() == options.format;
    match same {
        true => Ok(()),
        false => bail!(
            "`{}` was made from other data, another model, or other settings; remove it or use another name",
            matrix.path().display()
        ),
    }
}

/// Says what is in a file that was written.
pub(crate) fn say_embeddings(out: &Path, manifest: &EmbeddingManifest, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut text = Labelled::default();
    text.line("embeddings", out.display());
    text.line("rows", format!("{} with a vector of {} values", count(manifest.n_present), manifest.dim));
    for (status, n) in &manifest.missing {
        text.line("rows", format!("{} {status}, without one", count(*n)));
    }
    text.line("digest", format!("{} of all tokens and vectors", &manifest.digest[..16]));
    ui.result(text, &json!({"embeddings": out, "manifest": manifest}))?;
    Ok(Outcome::incomplete_if(n_skipped(&manifest.missing) > 0))
}
