//! `lobass run`: everything, in one directory.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_core::{Detail, Observer as _};
use lobass_run::{Manifest, ScoreFile, Seal};
use lobass_select::{Need, RankedAs, Shaped, Strategy};
use lobass_train::TrainConfig;
use serde_json::{Value, json};

use super::check;
use crate::args::RunArgs;
use crate::exit::Outcome;
use crate::hub::{find_model, pinned};
use crate::inputs::Sequences;
use crate::models::{Model, check_pair};
use crate::outputs;
use crate::scored_pool::check_model;
use crate::settings::Settings;
use crate::stages::{
    self, PageRequest, ReferenceReport, References, RunPage, SelectionTarget, TableFormat, further,
    select_and_write, write_table,
};
use crate::training_record::TrainingRecord;
use crate::ui::Ui;
use crate::work::told_in_dir;

pub(crate) fn run(args: &RunArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, ui);
    }
    let settings = settings(args)?;
    let report = run_with(&settings, ui)?;
    let page = format!("page       {}\n", report.page.display());
    ui.result(format!("{}\n{}\n{page}", report.references, report.texts.join("\n")), &report.json)?;
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
    /// Of the references.
    pub(crate) references: String,
    /// One per strategy.
    pub(crate) texts: Vec<String>,
    /// What shows it all.
    pub(crate) page: PathBuf,
    pub(crate) json: Value,
}

fn init(path: &Path, ui: &Ui) -> anyhow::Result<Outcome> {
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
    args.references.apply(&mut settings.reference);
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    Ok(settings)
}

/// Trains, scores, and selects by settings.
pub(crate) fn run_with(settings: &Settings, ui: &Ui) -> anyhow::Result<RunReport> {
    let out = settings.out.as_deref().context("no run directory: name one with `--out DIR`")?;
    let settings = &pinned(settings, ui)?;
    let base = settings.model.base.as_deref().context("no model: name one with `--base MODEL`")?;
    let strategies = &settings.select.strategies;
    settings.select.check(strategies.iter().map(String::as_str))?;
    settings.reference.check()?;
    let base = Model::open("base", base, &settings.compute, ui)?;
    let recipe = settings.train.config(base.checkpoint.config().n_parameters())?;
    let sequences = open_sequences(settings, &base, out, ui)?;
    let scores = out.join("scores.parquet");
    for strategy in strategies {
        target(out, strategy).check(&sequences.pool, &scores, &settings.select)?;
    }
    check_directory(out)?;
    check_model(out, &base.key)?;
    check_reference(out, settings)?;
    check::short(&sequences.pool, &sequences.encoder, settings.compute.threads(), ui)?;
    fs_err::create_dir_all(out)?;
    let (record, as_toml) = (out.join(SETTINGS), toml::to_string(&spelled(settings, &recipe, &base))?);
    if !record.exists() {
        fs_err::write(&record, &as_toml)?; // an interrupted run says what it was about to do
    }
    let plan = sequences.plan()?;
    let (place, threads) = (out.join("work").as_path().into(), settings.compute.threads());
    let work = stages::encode_and_score(&sequences, &plan, &place, &base, Detail::Sum, threads, ui)?;
    stages::warn_of_unread(&work, ui)?;
    let request =
        References { settings, recipe: &recipe, base: &base, sequences: &sequences, work: &work, out };
    let seal = score_all(&request, ui)?;
    write_table(&work, &seal, 0, &scores, TableFormat::Parquet, ui)?;
    fs_err::write(&record, as_toml)?;
    let table = ScoreFile::open(&scores)?;
    let strategy_names = strategies.iter().map(String::as_str);
    let mut wanted = PageRequest::columns(strategy_names, &settings.select, table.manifest())?;
    wanted.extend(ReferenceReport::columns(table.manifest()));
    let columns = table.columns(&wanted, settings.select.seed, threads)?;
    let mut falls_short = false;
    let mut texts = Vec::new();
    let mut results = Vec::new();
    let mut chosen = Vec::new();
    for strategy in strategies {
        let target = target(out, strategy);
        let report =
            select_and_write(&table, &columns, &sequences.pool, strategy, &settings.select, &target)?;
        falls_short |= report.falls_short();
        texts.push(report.text());
        results.push(json!(report.json()));
        chosen.push((report.strategy, report.shaped));
    }
    let manifest = table.manifest();
    let references = ReferenceReport::new(manifest, &columns, &ranked_as(&chosen));
    references.warn(ui);
    write_summary(out, manifest, &texts, &results, &references)?;
    let page = RunPage {
        settings,
        base: &base,
        sequences: &sequences,
        seal: &seal,
        table: &table,
        columns: &columns,
        chosen: &chosen,
        out,
    };
    let page = page.write(ui)?;
    Ok(RunReport {
        outcome: Outcome::incomplete_if(falls_short || stages::n_skipped(&manifest.counts) > 0),
        references: references.text(),
        texts,
        json: json!({
            "out": out, "report": page, "manifest": manifest, "references": references.json(), "selections": results,
        }),
        page,
    })
}

/// Refuses a run directory whose reference was trained for one that is given, and the other way round: its table, its
/// selections, and its page would be replaced by those of another reference.
fn check_reference(out: &Path, settings: &Settings) -> anyhow::Result<()> {
    let record = out.join(SETTINGS);
    if !record.exists() || !out.join("scores.parquet").exists() {
        return Ok(());
    }
    let earlier: Settings = toml::from_str(&fs_err::read_to_string(&record)?)
        .with_context(|| format!("settings `{}`", record.display()))?;
    let kind = |settings: &Settings| match settings.model.reference {
        Some(_) => "a reference that was given",
        None => "a reference that it trained",
    };
    let (expected, found) = (kind(&earlier), kind(settings));
    if expected != found {
        bail!(
            "`{}`: expected {expected}, which its score table was made with, found {found}; use another run directory",
            out.display()
        );
    }
    Ok(())
}

/// How LoBaSS ranked the pool; if it was not asked for, as it would have by itself, keeping as many rows as the others.
fn ranked_as(chosen: &[(Strategy, Shaped)]) -> RankedAs<'_> {
    let n_selected = |shaped: &Shaped| shaped.selection.selected.len();
    match chosen.iter().find(|(strategy, _)| *strategy == Strategy::Lobass) {
        Some((_, shaped)) => RankedAs {
            k: n_selected(shaped),
            direction: Some(shaped.selection.direction),
            shrinkage: shaped.shrinkage,
            candidates: Some(&shaped.scores),
        },
        None => {
            let k = chosen.iter().map(|(_, shaped)| n_selected(shaped)).max().unwrap_or_default();
            RankedAs { k, ..RankedAs::default() }
        }
    }
}

/// Scores with the reference, which is trained if it is not there, and with whatever else strategies ask for.
fn score_all(request: &References<'_>, ui: &Ui) -> anyhow::Result<Seal> {
    let References { settings, base, sequences, work, .. } = *request;
    let threads = settings.compute.threads();
    let mut seal = match &settings.model.reference {
        Some(dir) => {
            warn_of_idle_settings(settings, ui);
            let reference = base.open_tuned("reference", dir, ui)?;
            check_model(request.out, &reference.key)?;
            check_pair(base, &reference, sequences.encoder.tokenizer())?;
            stages::score(work, &reference, Detail::Sum, threads, ui)?;
            stages::given(base, Some(&reference), &[], work, Detail::Sum, ui)?
        }
        None => request.train_and_score(ui)?,
    };
    let needs = |need| settings.select.needs(need);
    for model in further(base, needs(Need::Unconditional)?, needs(Need::Brier)?, sequences)? {
        stages::score(work, &model, Detail::Sum, threads, ui)?;
        seal.further.push(model.key);
    }
    Ok(seal)
}

fn open_sequences(settings: &Settings, base: &Model, out: &Path, ui: &Ui) -> anyhow::Result<Sequences> {
    let checkpoint = &base.checkpoint;
    let told = match (told_in_dir(&out.join("work"))?, &settings.model.reference) {
        (None, Some(reference)) => {
            TrainingRecord::read(&find_model(reference, ui)?.dir)?.and_then(|record| record.told())
        }
        (told, _) => told,
    };
    Sequences::open(&settings.data, &settings.sequences, checkpoint.dir(), checkpoint.config(), told, ui)
}

/// Where a strategy's selection goes.
fn target(out: &Path, strategy: &str) -> SelectionTarget {
    let directory = out.join("selected").join(strategy);
    SelectionTarget { out: Some(with_slash(&directory)), index: Some(directory.join("index.jsonl")) }
}

/// What is to be done, with the number format of its models and, if anything is trained, the numbers of its recipe.
fn spelled(settings: &Settings, recipe: &TrainConfig, base: &Model) -> Settings {
    let mut spelled = settings.clone();
    spelled.compute.dtype = Some(base.key.dtype.clone());
    if settings.model.reference.is_none() {
        spelled.train = settings.train.spelled(recipe);
    }
    spelled
}

fn warn_of_idle_settings(settings: &Settings, ui: &Ui) {
    let defaults = Settings::default();
    let idle = settings.train == defaults.train
        && settings.eval == defaults.eval
        && settings.reference == defaults.reference;
    if !idle {
        ui.warn("a reference is given, so nothing is trained, and settings of training have no effect");
    }
}

/// A path that says that it is a directory.
fn with_slash(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push("/");
    path.into()
}

fn write_summary(
    out: &Path,
    manifest: &Manifest,
    texts: &[String],
    results: &[Value],
    references: &ReferenceReport,
) -> anyhow::Result<()> {
    let models: Vec<_> =
        manifest.models.iter().map(|m| format!("- {}: `{}`", m.model.role, m.model.path)).collect();
    let inputs: Vec<_> =
        manifest.inputs.iter().map(|i| format!("- {}: `{}`, {} rows", i.source, i.path, i.n_rows)).collect();
    let blocks: Vec<_> = texts.iter().map(|text| format!("```text\n{text}```\n")).collect();
    let markdown = format!(
        "# A run of {}\n\n{}\n{}\n\nScores are in `scores.parquet`, selected rows in `selected/`, and the settings in \
         `settings.toml`.\n\n```text\n{}```\n\n{}",
        manifest.tool,
        models.join("\n"),
        inputs.join("\n"),
        references.text(),
        blocks.join("\n")
    );
    fs_err::write(out.join("summary.md"), markdown)?;
    let json = json!({"manifest": manifest, "references": references.json(), "selections": results});
    fs_err::write(out.join("summary.json"), serde_json::to_vec_pretty(&json)?)?;
    Ok(())
}
