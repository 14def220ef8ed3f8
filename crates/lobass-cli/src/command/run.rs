//! `lobass run`: everything, in one directory.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_core::Detail;
use lobass_run::{Manifest, ScoreTable, read_table};
use lobass_train::TrainConfig;
use serde_json::{Value, json};

use crate::args::RunArgs;
use crate::exit::Outcome;
use crate::inputs::{Sequences, told_in};
use crate::models::{Model, check_pair};
use crate::outputs;
use crate::settings::{EvalSettings, Settings};
use crate::stages::{
    self, SelectionTarget, TrainRequest, TrainingRecord, select_and_write, train_reference, trained_before,
};
use crate::ui::{Ui, warn};

pub(crate) fn run(args: &RunArgs, ui: Ui) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, ui);
    }
    let settings = settings(args)?;
    let report = run_with(&settings, ui)?;
    ui.result(report.texts.join("\n"), &report.json)?;
    Ok(report.outcome)
}

/// The settings of a run, whole, in its directory.
const SETTINGS: &str = "settings.toml";
/// By one of these a directory is known as a run's: what `run --init` is told to write there, what a run begins with,
/// and what the demo unpacks.
const RUN_FILES: [&str; 3] = ["lobass.toml", SETTINGS, "shipped"];

/// Refuses a directory that is neither empty nor a run's.
pub(super) fn check_directory(out: &Path) -> anyhow::Result<()> {
    let known = RUN_FILES.iter().any(|name| out.join(name).exists());
    if known { Ok(()) } else { outputs::check_empty(out) }
}

/// What a run came to.
pub(crate) struct RunReport {
    pub(crate) outcome: Outcome,
    /// One per strategy.
    pub(crate) texts: Vec<String>,
    pub(crate) json: Value,
}

fn init(path: &Path, ui: Ui) -> anyhow::Result<Outcome> {
    if path.exists() {
        bail!("`{}` is there already; remove it or name another file", path.display());
    }
    fs_err::write(path, include_str!("../lobass.toml"))?;
    ui.result(format!("wrote {}", path.display()), &json!({"wrote": path}))?;
    Ok(Outcome::Done)
}

/// The config file, if there is one, and the flags over it.
fn settings(args: &RunArgs) -> anyhow::Result<Settings> {
    let mut settings: Settings = match &args.config {
        None => Settings::default(),
        Some(path) => toml::from_str(&fs_err::read_to_string(path)?)
            .with_context(|| format!("config `{}`", path.display()))?,
    };
    settings.model.base = args.base.clone().or(settings.model.base);
    settings.model.reference = args.reference.clone().or(settings.model.reference);
    settings.out = args.out.clone().or(settings.out);
    if !args.strategy.is_empty() {
        settings.select.strategies.clone_from(&args.strategy);
    }
    if settings.select.strategies.is_empty() {
        settings.select.strategies.push("lobass".to_owned());
    }
    args.selection.apply(&mut settings.select);
    args.recipe.apply(&mut settings.train, &mut settings.eval);
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    Ok(settings)
}

/// Trains, scores, and selects by settings.
pub(crate) fn run_with(settings: &Settings, ui: Ui) -> anyhow::Result<RunReport> {
    let out = settings.out.as_deref().context("no run directory: name one with `--out DIR`")?;
    let base = settings.model.base.as_deref().context("no model: name one with `--base DIR`")?;
    let strategies = &settings.select.strategies;
    settings.select.check(strategies.iter().map(String::as_str))?;
    settings.train.check()?;
    let base = Model::open("base", base, &settings.compute, ui)?;
    let sequences = open_sequences(settings, &base, out, ui)?;
    let scores = out.join("scores.parquet");
    for strategy in strategies {
        target(out, strategy).check(&sequences.pool, &scores)?;
    }
    check_directory(out)?;
    fs_err::create_dir_all(out)?;
    let (record, as_toml) = (out.join(SETTINGS), toml::to_string(settings)?);
    if !record.exists() {
        fs_err::write(&record, &as_toml)?; // an interrupted run says what it was about to do
    }
    let plan = sequences.plan()?;
    let work = stages::encode(&sequences, &plan, &out.join("work"), settings.compute.threads(), ui)?;
    let threads = settings.compute.threads();
    stages::score(&work, &base, Detail::Sum, threads, ui)?;
    let reference = reference(settings, &base, &sequences, &work, out, ui)?;
    stages::score(&work, &reference, Detail::Sum, threads, ui)?;
    let training = TrainingRecord::read(reference.checkpoint.dir())?;
    let held_out = training.map(|training| training.held_out_rows(&plan)).unwrap_or_default();
    stages::seal(&work, &[&base, &reference], Detail::Sum, &held_out, &scores, ui)?;
    fs_err::write(&record, as_toml)?;
    let table = read_table(&scores)?;
    let mut falls_short = false;
    let mut texts = Vec::new();
    let mut results = Vec::new();
    for strategy in strategies {
        let target = target(out, strategy);
        let report = select_and_write(&table, &sequences.pool, strategy, &settings.select, &target)?;
        falls_short |= report.falls_short();
        texts.push(report.text());
        results.push(json!(report.json()));
    }
    write_summary(out, &table, &texts, &results)?;
    Ok(RunReport {
        outcome: Outcome::incomplete_if(falls_short || stages::n_skipped(&table.manifest.counts) > 0),
        texts,
        json: json!({"out": out, "manifest": table.manifest, "selections": results}),
    })
}

fn open_sequences(settings: &Settings, base: &Model, out: &Path, ui: Ui) -> anyhow::Result<Sequences> {
    let checkpoint = &base.checkpoint;
    let told = match (told_in(&out.join("work"))?, &settings.model.reference) {
        (None, Some(reference)) => TrainingRecord::read(reference)?.and_then(|record| record.told()),
        (told, _) => told,
    };
    Sequences::open(&settings.data, &settings.sequences, checkpoint.dir(), checkpoint.config(), told, ui)
}

/// Where a strategy's selection goes.
fn target(out: &Path, strategy: &str) -> SelectionTarget {
    let directory = out.join("selected").join(strategy);
    SelectionTarget { out: Some(with_slash(&directory)), index: Some(directory.join("index.jsonl")) }
}

/// The reference that was named, or the one that this run trains.
fn reference(
    settings: &Settings,
    base: &Model,
    sequences: &Sequences,
    work: &lobass_run::WorkDir,
    out: &Path,
    ui: Ui,
) -> anyhow::Result<Model> {
    let dir: PathBuf = if let Some(dir) = &settings.model.reference {
        if settings.train != TrainConfig::default() || settings.eval != EvalSettings::default() {
            warn("a reference is given, so nothing is trained, and settings of training have no effect");
        }
        dir.clone()
    } else {
        let dir = out.join("reference");
        let threads = settings.compute.threads();
        let (recipe, eval) = (&settings.train, &settings.eval);
        let (plan, data) = (work.plan(), &settings.data);
        let request = TrainRequest { base, sequences, plan, data, recipe, eval, threads, out: &dir };
        match trained_before(&request)? {
            Some(outcome) => ui.note(format!("{:16} done before: {} steps", "train", outcome.n_steps)),
            None => {
                train_reference(&request, work, ui)?;
            }
        }
        dir
    };
    let reference = Model::open("reference", &dir, &settings.compute, ui)?;
    check_pair(base, &reference, sequences.encoder.tokenizer())?;
    Ok(reference)
}

/// A path that says that it is a directory.
fn with_slash(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push("/");
    path.into()
}

fn write_summary(out: &Path, table: &ScoreTable, texts: &[String], results: &[Value]) -> anyhow::Result<()> {
    let manifest: &Manifest = &table.manifest;
    let models: Vec<_> = manifest.models.iter().map(|m| format!("- {}: `{}`", m.role, m.path)).collect();
    let inputs: Vec<_> =
        manifest.inputs.iter().map(|i| format!("- {}: `{}`, {} rows", i.source, i.path, i.n_rows)).collect();
    let blocks: Vec<_> = texts.iter().map(|text| format!("```text\n{text}```\n")).collect();
    let markdown = format!(
        "# A run of {}\n\n{}\n{}\n\nScores are in `scores.parquet`, selected rows in `selected/`, and the settings in \
         `settings.toml`.\n\n{}",
        manifest.tool,
        models.join("\n"),
        inputs.join("\n"),
        blocks.join("\n")
    );
    fs_err::write(out.join("summary.md"), markdown)?;
    let json = json!({"manifest": manifest, "selections": results});
    fs_err::write(out.join("summary.json"), serde_json::to_vec_pretty(&json)?)?;
    Ok(())
}
