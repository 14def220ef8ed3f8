//! `lobass run`: everything, in one directory.

mod prepare;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_core::Observer as _;
use lobass_data::Pool;
use lobass_run::{ScoreFile, Seal, WorkDir};
use lobass_select::{RankedAs, Shaped, Strategy};
use lobass_train::TrainConfig;
use serde_json::{Value, json};

use self::prepare::Prepared;
use super::check;
use crate::args::RunArgs;
use crate::exit::Outcome;
use crate::models::Model;
use crate::outputs;
use crate::settings::{Settings, settings_of_trainer};
use crate::stages::{
    self, PageRequest, ReferenceReport, RunPage, SelectionTarget, TableFormat, select_and_write, write_table,
};
use crate::ui::Ui;

pub(crate) fn run(args: &RunArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, ui);
    }
    let settings = settings(args, ui)?;
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
    fs_err::write(path, include_str!("../../lobass.toml"))?;
    ui.result(format!("wrote {}", path.display()), &json!({"wrote": path}))?;
    Ok(Outcome::Done)
}

/// The config file, or that of another trainer, if there is one, and the flags over it.
fn settings(args: &RunArgs, ui: &Ui) -> anyhow::Result<Settings> {
    let mut settings: Settings = match (&args.config, &args.from) {
        (None, None) => Settings::default(),
        (None, Some(path)) => settings_of_trainer(path, ui)?,
        (Some(path), _) if path.as_os_str() == "%" => {
            bail!("`%` is taken for a config file; a budget is one word, as in `--budget 6%`")
        }
        (Some(path), _) => toml::from_str(&fs_err::read_to_string(path)?)
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

/// The score table of a run.
const SCORES: &str = "scores.parquet";

/// Trains, scores, and selects by settings.
pub(crate) fn run_with(settings: &Settings, ui: &Ui) -> anyhow::Result<RunReport> {
    let prepared = Prepared::open(settings, ui)?;
    let Prepared { settings, out, base, recipe, sequences, .. } = &prepared;
    check::short(&sequences.pool, &sequences.encoder, settings.compute.threads(), ui)?;
    fs_err::create_dir_all(out)?;
    let (record, as_toml) = (out.join(SETTINGS), toml::to_string(&spelled(settings, recipe, base))?);
    if !record.exists() {
        fs_err::write(&record, &as_toml)?; // an interrupted run says what it was about to do
    }
    let (work, seal) = score_all(&prepared, ui)?;
    let scores = out.join(SCORES);
    write_table(&work, &seal, 0, &scores, TableFormat::Parquet, ui)?;
    fs_err::write(&record, as_toml)?;
    let table = ScoreFile::open(&scores)?;
    let strategies = &settings.select.strategies;
    let strategy_names = strategies.iter().map(String::as_str);
    let mut wanted = PageRequest::columns(strategy_names, &settings.select, table.manifest())?;
    wanted.extend(ReferenceReport::columns(table.manifest()));
    let columns = table.columns(&wanted, settings.select.seed, settings.compute.threads())?;
    remove_stale(out, strategies, &sequences.pool, ui)?;
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
    summary::write(out, manifest, &texts, &results, &references)?;
    let page = RunPage {
        settings,
        base,
        sequences,
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

/// Scores with the base, with the reference, which is trained if it is not there, and with whatever else strategies ask
/// for.
fn score_all(prepared: &Prepared, ui: &Ui) -> anyhow::Result<(WorkDir, Seal)> {
    let Prepared { settings, out, base, sequences, plan, detail, .. } = prepared;
    let (detail, threads) = (*detail, settings.compute.threads());
    let place = out.join("work").as_path().into();
    let (work, mut seal) = match &prepared.reference {
        Some(reference) => {
            warn_of_idle_settings(settings, ui);
            let work = stages::encode_and_score(sequences, plan, &place, base, detail, threads, ui)?;
            stages::warn_of_unread(&work, ui)?;
            stages::score(&work, reference, detail, threads, ui)?;
            let seal = stages::given(base, Some(reference), &[], &work, detail, ui)?;
            (work, seal)
        }
        None => {
            let references = prepared.references();
            let work = stages::encode(sequences, plan, &place, threads, ui)?;
            references.check_rows(&work)?;
            stages::score(&work, base, detail, threads, ui)?;
            let seal = references.train_and_score(&work, ui)?;
            (work, seal)
        }
    };
    for model in &prepared.further {
        stages::score(&work, model, detail, threads, ui)?;
        seal.further.push(model.key.clone());
    }
    Ok((work, seal))
}

/// Where selections go within a run's directory.
const SELECTED: &str = "selected";
/// By this file a directory is known as a selection's.
const INDEX: &str = "index.jsonl";

/// Removes the selections of strategies that are not asked for any more, which would look current beside the others.
fn remove_stale(out: &Path, strategies: &[String], pool: &Pool, ui: &Ui) -> anyhow::Result<()> {
    let selected = out.join(SELECTED);
    if !selected.exists() {
        return Ok(());
    }
    let names =
        fs_err::read_dir(&selected)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut stale: Vec<String> = names.collect::<std::io::Result<_>>()?;
    stale.retain(|name| !strategies.contains(name) && selected.join(name).join(INDEX).is_file());
    stale.sort();
    for name in &stale {
        target(out, name).remove(pool)?;
        if selected.join(name).exists() {
            ui.warn(&format!(
                "`{}` holds files that lobass did not write; they stay",
                selected.join(name).display()
            ));
        }
    }
    if !stale.is_empty() {
        let names = stale.join(", ");
        ui.note(&format!("{:16} the selections of earlier settings are removed: {names}", "select"));
    }
    Ok(())
}

/// Where a strategy's selection goes.
fn target(out: &Path, strategy: &str) -> SelectionTarget {
    let directory = out.join(SELECTED).join(strategy);
    SelectionTarget { out: Some(with_slash(&directory)), index: Some(directory.join(INDEX)) }
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
