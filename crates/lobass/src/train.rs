//! Training one reference on a pool.

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count};
use lobass_run::Plan;
use serde::Serialize;

use crate::error::{Result, bail};
use crate::model::Model;
use crate::outputs::work_beside;
use crate::place::told_in_dir;
use crate::reference::{
    Part, TrainRequest, Trained, TrainingRecord, check_memory, train_reference, trained_before,
};
use crate::rows::Rows;
use crate::runtime::Runtime;
use crate::scoring::{clean_up, encode, n_skipped, remove_idle};
use crate::sequences::{Sequences, local_paths_of};
use crate::settings::{DataSettings, EncodeSettings, EvalSettings, TrainSettings, available_threads};

/// Options of [`train`].
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// The chat template, the mask, and the maximal length.
    pub sequences: EncodeSettings,
    /// The recipe: epochs, batch size, learning rate, LoRA, preference objectives.
    pub train: TrainSettings,
    /// The held-out rows and files for a held-out loss.
    pub eval: EvalSettings,
    /// How the files of held-out rows are read.
    pub data: DataSettings,
    /// Whether the model of every epoch is kept.
    pub trajectory: bool,
    /// Threads; `None` takes one per core.
    pub threads: Option<usize>,
}

/// The report of [`train`].
#[derive(Debug, Clone, Serialize)]
pub struct TrainedReport {
    /// The directory of the checkpoint or the adapter.
    pub reference: PathBuf,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows that could not be trained on.
    pub n_skipped: u64,
    /// The outcome: rows, steps, and losses.
    pub outcome: Trained,
}

/// Trains a reference, or an adapter, on all rows. The directory can be opened by transformers or PEFT.
///
/// Token ids and states are kept beside the directory until training is done, so that an interrupted call can be
/// repeated to go on. If the directory already holds this very reference, nothing is trained.
///
/// # Errors
/// If no row can be trained on, if the directory holds something else, or if the observer asks to stop.
pub fn train(
    rows: &(impl Rows + ?Sized),
    base: &Model,
    options: &TrainOptions,
    out: &Path,
    runtime: &Runtime,
) -> Result<TrainedReport> {
    train_with_anchor(rows, base, None, options, out, runtime)
}

/// [`train`] with a preference objective whose margins are measured from another model than the one that training starts
/// from.
///
/// # Errors
/// Those of [`train`], and if the objective is not one of preferences.
pub fn train_with_anchor(
    rows: &(impl Rows + ?Sized),
    base: &Model,
    anchor: Option<&Model>,
    options: &TrainOptions,
    out: &Path,
    runtime: &Runtime,
) -> Result<TrainedReport> {
    base.check_start(&options.train, runtime)?;
    base.check_plain()?;
    let work_dir = work_beside(out);
    let told = match told_in_dir(&work_dir, runtime)? {
        None => TrainingRecord::read(out)?.and_then(|record| record.told()),
        told => told,
    };
    let config = base.checkpoint.spec();
    let pool = rows.pool()?.into_owned();
    options.eval.warn_of_no_effect(runtime);
    options.train.check_for(config, &pool)?;
    let sequences = Sequences::of(pool, &options.sequences, base.dir(), config, told, runtime)?;
    let plan = sequences.plan()?;
    let recipe = options.train.config_for(base, runtime)?;
    if anchor.is_some() && options.train.dpo().is_none() {
        bail!(Settings, "an anchor needs a preference objective: `dpo` or `davir-dpo`");
    }
    let eval_paths = local_paths_of(&options.eval.files, runtime)?;
    let request = TrainRequest {
        base,
        sequences: &sequences,
        plan: &plan,
        data: &options.data,
        recipe: &recipe,
        adapter: options.train.adapter(),
        dpo: options.train.dpo(),
        anchor,
        context: options.train.context.of(&sequences)?,
        part: Part::All,
        eval: &options.eval,
        eval_seed: recipe.seed,
        trajectory: options.trajectory,
        save_every: options.train.save_every,
        threads: options.threads.unwrap_or_else(available_threads).max(1),
        eval_paths: &eval_paths,
        out,
    };
    check_memory(&request)?;
    let outcome = match trained_before(&request)? {
        Some(outcome) => {
            runtime.note(&format!("{:16} done before: {}", "train", out.display()));
            clean_up(&work_dir, plan.clone(), runtime)?;
            outcome
        }
        None => train_now(&request, &work_dir, runtime)?,
    };
    Ok(report(out, &plan, outcome))
}

fn train_now(request: &TrainRequest<'_>, work_dir: &Path, runtime: &Runtime) -> Result<Trained> {
    // A state of a training is worth more than token ids.
    if !request.has_state() {
        remove_idle(work_dir, request.plan, runtime)?;
    }
    let work = encode(request.sequences, request.plan, &work_dir.into(), request.threads, runtime)?;
    let outcome = train_reference(request, &work, runtime);
    // Without a state there is nothing to resume, and the token ids would be in the way of other settings.
    if outcome.is_ok() || !request.has_state() {
        work.remove()?;
    }
    outcome
}

fn report(out: &Path, plan: &Plan, outcome: Trained) -> TrainedReport {
    let n_skipped = n_skipped(&outcome.unscored);
    TrainedReport { reference: out.to_owned(), n_rows: plan.n_rows(), n_skipped, outcome }
}

impl std::fmt::Display for TrainedReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = &self.outcome;
        let mut text = Labelled::default();
        text.line("reference", self.reference.display());
        text.line("rows", format!("{} trained on", count(outcome.n_examples as u64)));
        if !outcome.held_out_rows.is_empty() {
            text.line("rows", format!("{} held out", count(outcome.held_out_rows.len() as u64)));
        }
        for (status, n) in &outcome.unscored {
            text.line("rows", format!("{} {status}", count(*n)));
        }
        text.line(
            "loss",
            format!("{:.4} at the first step, {:.4} at the last", outcome.first_loss, outcome.last_loss),
        );
        if let (Some(before), Some(after)) = (outcome.held_out_before, outcome.held_out_after) {
            text.line("held out", format!("{before:.4} before, {after:.4} after"));
        }
        text.fmt(f)
    }
}
