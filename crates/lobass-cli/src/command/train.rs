//! `lobass train`.

use std::path::Path;

use lobass::model::Model;
use lobass::outputs::work_beside;
use lobass::place::{store, told_in_dir};
use lobass::reference::Part;
use lobass::reference::{TrainRequest, train_reference, trained_before};
use lobass::reference::{Trained, TrainingRecord};
use lobass::scoring;
use lobass::sequences::Sequences;
use lobass::settings::Settings;
use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count};
use lobass_run::{Plan, WorkDir};
use serde_json::json;

use crate::args::TrainArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn train(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.recipe.apply(&mut settings.train, &mut settings.eval);

    let base = Model::open("base", &args.model, &settings.compute, ui.runtime())?;
    let work = work_beside(&args.out);
    let told = match told_in_dir(&work, ui.runtime())? {
        None => TrainingRecord::read(&args.out)?.and_then(|record| record.told()),
        told => told,
    };
    let config = base.checkpoint.config();
    let sequences =
        Sequences::open(&settings.data, &settings.sequences, base.dir(), config, told, ui.runtime())?;
    let plan = sequences.plan()?;
    let recipe = settings.train.config(config.n_parameters())?;
    let request = TrainRequest {
        base: &base,
        sequences: &sequences,
        plan: &plan,
        data: &settings.data,
        recipe: &recipe,
        adapter: settings.train.adapter(),
        dpo: settings.train.dpo(),
        part: Part::All,
        eval: &settings.eval,
        eval_seed: recipe.seed,
        trajectory: args.trajectory,
        save_every: settings.train.save_every,
        threads: settings.compute.threads(),
        home: ui.runtime().home(),
        out: &args.out,
    };
    let before = trained_before(&request)?;
    if before.is_none() {
        remove_idle_work(&work, &request, ui)?;
    }
    let outcome = match before {
        Some(outcome) => {
            ui.note(&format!("{:16} done before: {}", "train", args.out.display()));
            scoring::clean_up(&work, plan.clone(), ui.runtime())?;
            outcome
        }
        None => {
            let work =
                scoring::encode(&sequences, &plan, &work.as_path().into(), request.threads, ui.runtime())?;
            let outcome = train_reference(&request, &work, ui.runtime());
            // Without a state there is nothing to go on with, and tokens of these settings would be in the way of others.
            if outcome.is_ok() || !request.has_state() {
                work.remove()?;
            }
            outcome?
        }
    };
    say(args, &plan, &outcome, ui)
}

/// Removes the tokens of other data or settings if no state was reached with them, as a killed attempt leaves them.
fn remove_idle_work(dir: &Path, request: &TrainRequest<'_>, ui: &Ui) -> anyhow::Result<()> {
    if !dir.exists() || request.has_state() {
        return Ok(());
    }
    match WorkDir::resume(store(&dir.into(), ui.runtime())?)? {
        Some(found) if found.plan().id() != request.plan.id() => {
            ui.note(&format!(
                "{:16} tokens of earlier settings are removed, since nothing was trained on them",
                "train"
            ));
            Ok(found.remove()?)
        }
        _ => Ok(()),
    }
}

fn say(args: &TrainArgs, plan: &Plan, outcome: &Trained, ui: &Ui) -> anyhow::Result<Outcome> {
    let n_skipped = scoring::n_skipped(&outcome.unscored);
    let mut text = Labelled::default();
    text.line("reference", args.out.display());
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
    ui.result(
        text,
        &json!({"reference": args.out, "n_rows": plan.n_rows(), "n_skipped": n_skipped, "outcome": outcome}),
    )?;
    Ok(Outcome::incomplete_if(n_skipped > 0))
}
