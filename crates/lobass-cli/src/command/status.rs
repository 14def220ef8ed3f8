//! `lobass status`.

use lobass::place::resume;
use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_run::{Job, ModelState, WorkDir};
use serde_json::{Value, json};

use crate::args::StatusArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn status(args: &StatusArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work, ui.runtime())?;
    let mut text = Labelled::default();
    let plan = work.plan();
    let (n_rows, n_shards) = (plan.n_rows(), plan.shards.len() as u64);
    text.line("plan", &plan.id()[..16]);
    text.line("pool", format!("{} in {}", counted(n_rows, "row"), counted(n_shards, "shard")));
    let encoded =
        if work.is_encoded()? { "all rows are tokenized" } else { "not all rows are tokenized yet" };
    text.line("rows", encoded);
    let jobs = work.jobs()?;
    let states =
        jobs.iter().map(|job| describe(&work, job, &mut text)).collect::<anyhow::Result<Vec<Value>>>()?;
    if jobs.is_empty() {
        text.line(
            "jobs",
            "none yet; `lobass plan` with `--reference`, `--adapter`, or `--base-only` makes one",
        );
    }
    let json = json!({
        "plan": plan.id(), "n_rows": n_rows, "n_shards": n_shards, "encoded": work.is_encoded()?, "jobs": states,
    });
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}

/// A line for each model of a job, and the same as JSON.
fn describe(work: &WorkDir, job: &Job, text: &mut Labelled) -> anyhow::Result<Value> {
    let states = work.states(job)?;
    text.line("job", job.id());
    for (key, state) in job.models().zip(&states) {
        let ModelState { model, n_units, n_done, rows_done, .. } = state;
        let share = percent(*n_done, *n_units);
        let on = format!("{} on {}", key.dtype, key.device);
        let (done, all, rows) = (count(*n_done), counted(*n_units, "unit"), counted(*rows_done, "row"));
        text.line("model", format!("{model}: {done} of {all} ({share}), {rows}, in {on}"));
        let lists: [(Vec<u32>, &str); 3] = [
            (state.begun.keys().copied().collect(), "begun and not done: at work, or died"),
            (state.quarantined.clone(), "given up; `lobass worker --retry-quarantined` tries them again"),
            (
                state.differing.clone(),
                "computed twice, with other numbers the second time; the first ones count",
            ),
        ];
        for (units, what) in lists {
            say_units(text, &model.to_string(), &units, what);
        }
    }
    Ok(json!({"job": job.id(), "models": states}))
}

fn say_units(text: &mut Labelled, model: &str, units: &[u32], what: &str) {
    let Some(first) = units.first() else { return };
    let units = counted(units.len() as u64, "unit");
    text.line("model", format!("{model}: {units} {what}; the first is shard {first}"));
}
