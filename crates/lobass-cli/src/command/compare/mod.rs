//! `lobass compare`.

mod pairs;
mod pairs_text;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass::Missing;
use lobass::comparison::{AnswerSettings, CompareJob, Devices, HeldOutRequest};
use lobass::sequences::{open_held_out, open_scored_pool};
use lobass::settings::{DataSettings, Settings};
use lobass_evidence::Bootstrap;
use lobass_run::ScoreFile;

use crate::args::CompareArgs;
use crate::exit::Outcome;
use crate::stream::Stream;
use crate::ui::Ui;

pub(crate) fn compare(args: &CompareArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    args.pairs.check(&args.strategy)?;
    if args.pairs.pairs {
        return pairs::compare(args, ui);
    }
    let ui = &if args.trial_worker.is_some() { ui.silent() } else { ui.clone() };
    let scores = args.scores.as_deref().context("expected `--scores`, found none")?;
    check_inputs(args, scores, ui)?;
    let data: Vec<PathBuf> = args.data.iter().map(PathBuf::from).collect();
    let table = ScoreFile::open(scores)?;
    let settings = settings(args, &table);
    let threads = args.trial_threads.unwrap_or_else(|| settings.compute.threads());
    let baselines = args.baselines()?;
    let answers = args.answers.as_ref().map(|pattern| AnswerSettings {
        pattern: pattern.clone(),
        samples: args.answer_samples,
        max_new_tokens: args.answer_tokens,
    });
    let mut job = CompareJob {
        table: &table,
        pool: &open_scored_pool(scores, &data, table.manifest(), true, ui.runtime())?,
        base: &args.base,
        strategies: &args.strategy,
        baselines: &baselines,
        settings: &settings,
        held_out: HeldOutRequest {
            rows: None,
            policy: args.overlap,
            wrong_responses: args.wrong_responses.as_deref(),
        },
        answers: answers.as_ref(),
        n_seeds: args.seeds.into(),
        matchings: args.matchings()?,
        tokens: args.tokens,
        bootstrap: Bootstrap { n_resamples: args.resamples, ..Bootstrap::default() },
        threads,
        out: &args.out,
    };
    job.check()?;
    let open_eval = || open_held_out(&args.eval, args.wrong_responses.as_deref(), ui.runtime());
    let eval = (!args.eval.is_empty()).then(open_eval).transpose()?;
    job.held_out.rows = eval.as_ref();
    let comparison = job.open(ui.runtime())?;
    if args.trial_worker.is_some() {
        comparison.serve(std::io::stdin().lock(), std::io::stdout(), ui.runtime())?;
        return Ok(Outcome::Done);
    }
    let report = if args.devices.is_empty() {
        comparison.run(&table, ui.runtime())?
    } else {
        let devices =
            Devices { names: &args.devices, threads, arguments: ui.arguments(), runtime: ui.runtime() };
        if !devices.run(&comparison)? {
            return Ok(Outcome::Unfinished);
        }
        comparison.end(&table, ui.runtime())?
    };
    ui.result(text::text(&report, Stream::Out.width()), &report)?;
    Ok(Outcome::incomplete_if(comparison.falls_short()))
}

fn check_inputs(args: &CompareArgs, scores: &Path, ui: &Ui) -> anyhow::Result<()> {
    let mut reading = DataSettings::default();
    args.reading.apply(&mut reading);
    if reading != DataSettings::default() {
        bail!(
            "rows are read as the score table says: expected no flag for the format of data without `--pairs`"
        );
    }
    let mut settings = Settings::default();
    args.selection.apply(&mut settings.select);
    args.encode.apply(&mut settings.sequences);
    let missing = Missing::default().file("score table", scores).model("base", &args.base);
    let missing = missing.further_data("evaluation file", &args.eval, ui.runtime());
    Ok(missing.sequences(&settings.sequences).select(&settings.select).end()?)
}

/// The settings of the request, over those of the table.
fn settings(args: &CompareArgs, table: &ScoreFile) -> Settings {
    let mut settings = CompareJob::settings_of(table);
    args.selection.apply(&mut settings.select);
    args.training.apply(&mut settings.train);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if let Some(device) = args.trial_worker.as_ref().or(args.devices.first()) {
        settings.compute.device.clone_from(device);
    }
    settings
}
