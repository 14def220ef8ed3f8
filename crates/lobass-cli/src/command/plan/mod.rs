//! `lobass plan`.

mod job;
mod measure;
mod price;

use std::sync::Arc;

use anyhow::bail;
use lobass::hub::find_model;
use lobass::model::with_template_of;
use lobass::place::told_in;
use lobass::scoring;
use lobass::sequences::Sequences;
use lobass::settings::Settings;
use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_llama::Checkpoint;
use lobass_loss::{Limits, Work, limits};
use lobass_run::{Job, Plan, WorkDir};
use serde_json::json;

use self::job::Models;
use self::measure::Subject;
use self::price::Price;
use crate::args::PlanArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn plan(args: &PlanArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    settings.compute.threads = args.threads.map(usize::from);
    let threads = settings.compute.threads();
    check_device(args)?;
    let models = args.job.is_asked_for().then(|| Models::open(args, ui)).transpose()?;
    let checkpoint = match &models {
        Some(models) => Arc::clone(&models.base.checkpoint),
        None => Arc::new(Checkpoint::open(&find_model(&args.base, ui.runtime())?.dir)?),
    };
    let config = checkpoint.config();
    let told = args.work.as_ref().map(|work| told_in(work, ui.runtime())).transpose()?.flatten();
    let tuned = models.as_ref().and_then(Models::tuned);
    let encode = with_template_of(&settings.sequences, checkpoint.dir(), tuned, ui.runtime())?;
    let sequences = Sequences::open(&settings.data, &encode, checkpoint.dir(), config, told, ui.runtime())?;
    if let Some(models) = &models {
        models.check(&sequences, ui)?;
    }
    let plan = sequences.plan()?;
    if !args.explain && args.work.is_none() {
        return say(&plan, None, None, None, ui);
    }
    let scratch = tempfile::tempdir()?;
    let place = args.work.clone().unwrap_or_else(|| scratch.path().join("work").as_path().into());
    let work = scoring::encode(&sequences, &plan, &place, threads, ui.runtime())?;
    let job = models.map(|models| models.job(args, &sequences, &work, ui)).transpose()?;
    let subject = args.price.measuring().map(|_| Subject::load(args, threads, ui)).transpose()?;
    let limits = subject.as_ref().map_or_else(|| limits(config, threads), Subject::limits);
    let explained = args.explain.then(|| Explained::of(&work, &limits)).transpose()?;
    let price = explained.as_ref().map(|explained| Price::of(&args.price, explained, subject, &work, ui));
    say(&plan, job.as_ref(), explained.as_ref(), price.transpose()?.flatten().as_ref(), ui)
}

/// Refuses a device that nothing would compute on.
fn check_device(args: &PlanArgs) -> anyhow::Result<()> {
    let flag = [("--device", args.job.device.is_some()), ("--dtype", args.job.dtype.is_some())];
    match flag.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) if !args.job.is_asked_for() && args.price.measure.is_none() => bail!(
            "`{flag}` only applies to a job (`--reference`, `--adapter`, or `--base-only`) and to `--measure`, and neither is \
             asked for"
        ),
        _ => Ok(()),
    }
}

/// The amount of work of scoring with one model.
struct Explained {
    work: Work,
    n_batches: u64,
    /// Rows of each shard.
    rows: Vec<u64>,
}

impl Explained {
    fn of(dir: &WorkDir, limits: &Limits) -> anyhow::Result<Self> {
        let mut explained = Self { work: Work::default(), n_batches: 0, rows: Vec::new() };
        for sequences in dir.calls() {
            let sequences = sequences?;
            let plan = lobass_loss::Plan::new(&sequences, limits);
            let work = plan.work(&sequences);
            explained.work += work;
            explained.rows.push(work.n_rows);
            explained.n_batches += plan.n_batches() as u64;
        }
        Ok(explained)
    }

    fn describe(&self, text: &mut Labelled) {
        let Work { n_tokens, n_scored, n_unique_tokens, n_rows, n_head_rows } = self.work;
        let of = |part, whole| percent(part, whole);
        text.line("tokens", format!("{} in all, {} of them scored", count(n_tokens), count(n_scored)));
        text.line(
            "tokens",
            format!(
                "{} without duplicates and rows with nothing to score ({})",
                count(n_unique_tokens),
                of(n_unique_tokens, n_tokens)
            ),
        );
        text.line(
            "rows",
            format!(
                "{} with shared prefixes once per batch, up to the last scored token ({} of all tokens)",
                count(n_rows),
                of(n_rows, n_tokens)
            ),
        );
        text.line(
            "head",
            format!(
                "{} rows in the last layer and the head ({} of the rows)",
                count(n_head_rows),
                of(n_head_rows, n_rows)
            ),
        );
        text.line("batches", format!("{}, for each model", count(self.n_batches)));
    }
}

fn say(
    plan: &Plan,
    job: Option<&Job>,
    explained: Option<&Explained>,
    price: Option<&Price>,
    ui: &Ui,
) -> anyhow::Result<Outcome> {
    let mut text = Labelled::default();
    let id = plan.id();
    text.line("plan", &id[..16]);
    text.line(
        "pool",
        format!("{} in {}", counted(plan.n_rows(), "row"), counted(plan.shards.len() as u64, "shard")),
    );
    if let Some(job) = job {
        let models: Vec<&str> = job.models().map(|model| model.role.as_str()).collect();
        let n_units = models.len() * plan.shards.len();
        text.line(
            "job",
            format!("{}: {} for {}", job.id(), counted(n_units as u64, "unit"), models.join(" and ")),
        );
    }
    if let Some(explained) = explained {
        explained.describe(&mut text);
    }
    if let Some(price) = price {
        price.describe(&mut text);
    }
    let json = json!({
        "plan": id,
        "n_rows": plan.n_rows(),
        "n_shards": plan.shards.len(),
        "job": job.map(Job::id),
        "work": explained.map(|Explained { work, n_batches, .. }| json!({
            "n_tokens": work.n_tokens,
            "n_scored": work.n_scored,
            "n_unique_tokens": work.n_unique_tokens,
            "n_rows": work.n_rows,
            "n_head_rows": work.n_head_rows,
            "n_batches": n_batches,
        })),
        "price": price.map(Price::json),
    });
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}
