//! A whole run: train, score, select, and report, in one directory.

mod compared;
mod directory;
mod look;
mod prepare;
mod summary;

use std::path::PathBuf;

use lobass_core::Observer as _;
use lobass_run::{ScoreFile, Seal, WorkDir};
use lobass_select::strategies::Lobass;
use lobass_select::{Chosen, RankedAs, Strategy};
use lobass_train::TrainConfig;
use serde_json::{Value, json};

use self::compared::PassClock;
use self::directory::{SCORES, SETTINGS, WORK, remove_stale, target};
use self::prepare::Prepared;
use crate::error::Result;
use crate::model::Model;
use crate::page::{PageRequest, RunPage};
use crate::references::{ReferenceReport, given};
use crate::runtime::Runtime;
use crate::scoring;
use crate::selection::{Selector, reads_bounds};
use crate::settings::Settings;
use crate::table::{TableFormat, write_table};

pub use compared::Compared;
pub use directory::check_directory;

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Whether rows could not be scored, or a selection is smaller than its budget.
    pub falls_short: bool,
    /// The report of the references, as lines.
    pub references: String,
    /// The report of each selection, as lines.
    pub texts: Vec<String>,
    /// Whether the selections were compared with random rows, and how to do that.
    pub compared: Compared,
    /// The file of the report page.
    pub page: PathBuf,
    /// All reports as JSON.
    pub json: Value,
}

/// Trains, scores, and selects by settings, in one directory.
///
/// # Errors
/// If settings are missing or contradict each other, before anything is computed; if a step fails; or if the observer
/// asks to stop. Finished work stays, and the same call continues it.
pub fn run(settings: &Settings, runtime: &Runtime) -> Result<RunReport> {
    let prepared = Prepared::open(settings, runtime)?;
    let Prepared { settings, out, base, recipe, sequences, .. } = &prepared;
    look::look(&sequences.pool, &sequences.encoder, settings.compute.threads(), runtime)?;
    fs_err::create_dir_all(out)?;
    let (record, as_toml) = (out.join(SETTINGS), toml::to_string(&spelled(settings, recipe, base))?);
    if !record.exists() {
        lobass_files::write_whole(&record, as_toml.as_bytes())?; // an interrupted run says what it was about to do
    }
    let clock = PassClock::start(out);
    let (work, seal) = score_all(&prepared, runtime)?;
    let took = clock.stop();
    let scores = out.join(SCORES);
    write_table(&work, &seal, 0, &scores, TableFormat::Parquet, runtime)?;
    lobass_files::write_whole(&record, as_toml.as_bytes())?;
    let table = ScoreFile::open(&scores)?;
    let names = &settings.select.strategies;
    let strategies = settings.select.strategies()?;
    let mut wanted = PageRequest::columns(strategies.iter().copied(), &settings.select, table.manifest())?;
    wanted.extend(ReferenceReport::columns(table.manifest()));
    let columns = table.columns(&wanted, settings.select.seed, settings.compute.threads())?;
    remove_stale(out, names, &sequences.pool, runtime)?;
    let selector = Selector::open(&table, &sequences.pool, strategies.iter().copied(), &settings.select)?;
    let mut falls_short = false;
    let mut texts = Vec::new();
    let mut results = Vec::new();
    let mut chosen = Vec::new();
    for (&strategy, name) in strategies.iter().zip(names) {
        let target = target(out, name);
        let report = selector.choose_and_write(&columns, strategy, &settings.select, &target)?;
        falls_short |= report.falls_short();
        texts.push(report.to_string());
        results.push(json!(report));
        chosen.push((strategy, report.chosen));
    }
    drop(selector); // vectors can be large, and the page does not need them
    let manifest = table.manifest();
    let references = ReferenceReport::new(manifest, &columns, &ranked_as(&chosen));
    references.warn(runtime);
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
    let page = page.write(runtime)?;
    let compared = Compared::of(out, settings);
    let n_trained = if prepared.reference.is_some() { 0 } else { prepared.references().count() };
    let pass = took.pass(manifest.models.len(), n_trained as f64 * f64::from(recipe.epochs));
    let n_selected = chosen.iter().map(|(_, chosen)| chosen.selection.selected.len()).max();
    let share = n_selected.unwrap_or_default() as f64 / columns.len().max(1) as f64;
    compared.note_time(pass, names.len(), share, runtime);
    Ok(RunReport {
        falls_short: falls_short || scoring::n_skipped(&manifest.counts) > 0,
        references: references.text(),
        texts,
        json: json!({
            "out": out, "report": page, "manifest": manifest, "references": references.json(), "selections": results,
            "compared": compared,
        }),
        compared,
        page,
    })
}

/// The way in which LoBaSS ranked the pool. If it was not asked for, its defaults, with as many rows as the other
/// strategies kept.
fn ranked_as<'a>(all: &'a [(&dyn Strategy, Chosen)]) -> RankedAs<'a> {
    let n_selected = |chosen: &Chosen| chosen.selection.selected.len();
    match all.iter().find(|(strategy, _)| strategy.name() == Lobass.name()) {
        Some((_, chosen)) => RankedAs {
            k: n_selected(chosen),
            direction: Some(chosen.selection.direction),
            shrinkage: chosen.shrinkage,
            candidates: Some(&chosen.scores),
        },
        None => {
            let k = all.iter().map(|(_, chosen)| n_selected(chosen)).max().unwrap_or_default();
            RankedAs { k, ..RankedAs::default() }
        }
    }
}

/// Scores with the base, with the references, which are trained first if they are not given, and with further models
/// that strategies need.
fn score_all(prepared: &Prepared, runtime: &Runtime) -> Result<(WorkDir, Seal)> {
    let Prepared { settings, out, base, sequences, plan, detail, .. } = prepared;
    let (detail, threads) = (*detail, settings.compute.threads());
    if !prepared.has_state() {
        scoring::remove_idle(&out.join(WORK), plan, runtime)?;
    }
    // Layers that are read from disk are read once for a base and its adapter.
    let pair = prepared.reference.as_ref().filter(|reference| base.reads_layers_of(reference, threads));
    let work = match &prepared.reference {
        Some(_) if pair.is_none() && !reads_bounds(&settings.select) => {
            let place = out.join(WORK).as_path().into();
            let work = scoring::encode_and_score(sequences, plan, &place, base, detail, threads, runtime)?;
            scoring::warn_of_unread(&work, runtime)?;
            work
        }
        _ => {
            let work = tokenize(prepared, runtime)?;
            scoring::score_pair(&work, base, pair, detail, threads, runtime)?;
            work
        }
    };
    let mut seal = match &prepared.reference {
        Some(reference) => {
            warn_of_idle_settings(settings, runtime);
            let alone = Some(reference).filter(|_| pair.is_none());
            for model in alone.into_iter().chain(&prepared.null) {
                scoring::score(&work, model, detail, threads, runtime)?;
            }
            given(base, Some(reference), &[], prepared.null.as_ref(), &work, detail, runtime)?
        }
        None => prepared.references().train_and_score(&work, runtime)?,
    };
    for model in &prepared.further {
        scoring::score(&work, model, detail, threads, runtime)?;
        seal.further.push(model.key.clone());
    }
    Ok((work, seal))
}

/// Tokenizes all rows, and checks what they show before anything is scored.
fn tokenize(prepared: &Prepared, runtime: &Runtime) -> Result<WorkDir> {
    let Prepared { settings, out, sequences, plan, .. } = prepared;
    let place = out.join(WORK);
    let is_new = !place.join("plan.json").exists();
    let work =
        scoring::encode(sequences, plan, &place.as_path().into(), settings.compute.threads(), runtime)?;
    // Where nothing can have been scored, the token ids would only be in the way of other settings.
    let trained = prepared.check_trained(&work);
    let is_unscored = is_new || trained.is_err();
    match trained.and_then(|()| prepared.check_bounds(&work)) {
        Ok(()) => Ok(work),
        Err(error) => {
            if is_unscored {
                work.remove()?;
            }
            Err(error)
        }
    }
}

/// The settings with the number format of the models, and with all numbers of the recipe if something is trained.
fn spelled(settings: &Settings, recipe: &TrainConfig, base: &Model) -> Settings {
    let mut spelled = settings.clone();
    spelled.compute.dtype = Some(base.key.dtype.to_string());
    if settings.model.reference.is_none() {
        spelled.train = settings.train.spelled(recipe);
        if let Some(adapter) = settings.train.adapter() {
            spelled.train.lora = adapter.on(base.checkpoint.spec());
        }
    }
    spelled
}

fn warn_of_idle_settings(settings: &Settings, runtime: &Runtime) {
    let defaults = Settings::default();
    let idle = settings.train == defaults.train
        && settings.eval == defaults.eval
        && settings.reference == defaults.reference;
    if !idle {
        runtime.warn("a reference is given, so nothing is trained, and settings of training have no effect");
    }
}
