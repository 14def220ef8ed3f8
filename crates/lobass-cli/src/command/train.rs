//! `lobass train`.

use serde_json::json;

use crate::args::TrainArgs;
use crate::exit::Outcome;
use crate::inputs::Sequences;
use crate::models::Model;
use crate::settings::Settings;
use crate::stages::{self, TrainRequest, train_reference, trained_before};
use crate::text::{Labelled, count};
use crate::ui::Ui;

pub(crate) fn train(args: &TrainArgs, ui: Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.recipe.apply(&mut settings.train, &mut settings.eval);

    let base = Model::open("base", &args.model, &settings.compute, ui)?;
    let work = args.out.join("work");
    let config = base.checkpoint.config();
    let sequences =
        Sequences::open(&settings.data, &settings.sequences, &args.model, config, Some(&work), ui)?;
    let threads = settings.compute.threads();
    let work = stages::encode(&sequences, &work, threads, ui)?;
    let request = TrainRequest {
        base: &base,
        sequences: &sequences,
        work: &work,
        recipe: &settings.train,
        eval: &settings.eval,
        threads,
        out: &args.out,
    };
    let outcome = match trained_before(&request)? {
        Some(outcome) => {
            ui.note(format!("{:16} done before: {}", "train", args.out.display()));
            outcome
        }
        None => train_reference(&request, ui)?,
    };
    let n_rows = work.plan().n_rows();
    let n_skipped = n_rows - outcome.n_examples as u64 - settings.eval.rows as u64;
    work.remove()?;

    let mut text = Labelled::default();
    text.line("reference", args.out.display());
    text.line("rows", format!("{} trained on, {} not", count(outcome.n_examples as u64), count(n_skipped)));
    text.line(
        "loss",
        format!("{:.4} at the first step, {:.4} at the last", outcome.first_loss, outcome.last_loss),
    );
    if let (Some(before), Some(after)) = (outcome.held_out_before, outcome.held_out_after) {
        text.line("held out", format!("{before:.4} before, {after:.4} after"));
    }
    ui.result(
        text,
        &json!({"reference": args.out, "n_rows": n_rows, "n_skipped": n_skipped, "outcome": outcome}),
    )?;
    Ok(Outcome::incomplete_if(n_skipped > 0))
}
