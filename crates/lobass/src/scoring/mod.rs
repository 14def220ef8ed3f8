//! Tokenizing a pool and scoring its rows, in a work directory.

mod fleet;
mod idle;
mod job;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_core::{Detail, RowStatus};
use lobass_run::{Location, Plan, Progress, Shard, Stage, WorkDir};

use crate::error::Result;
use crate::model::Model;
use crate::place::store;
use crate::progress;
use crate::runtime::Runtime;
use crate::sequences::Sequences;

pub(crate) use fleet::{Fleet, FleetModels};
pub(crate) use idle::remove_idle;
pub use job::ScoreJob;

/// The name of the stage that turns rows into tokens.
const TOKENISE: &str = "tokenize";

/// Opens or creates a work directory, and tokenizes the rows that are not tokenized yet.
///
/// # Errors
/// If the directory belongs to another plan, a row cannot be read, or the observer asks to stop.
pub fn encode(
    sequences: &Sequences,
    plan: &Plan,
    work: &Location,
    threads: usize,
    runtime: &Runtime,
) -> Result<WorkDir> {
    let work = WorkDir::open(store(work, runtime)?, plan.clone())?;
    tokenize(&work, sequences, threads, runtime)?;
    Ok(work)
}

/// Tokenizes the rows of a work directory that are not tokenized yet.
///
/// # Errors
/// If a row cannot be read, or the observer asks to stop.
pub fn tokenize(work: &WorkDir, sequences: &Sequences, threads: usize, runtime: &Runtime) -> Result<()> {
    let n_rows = work.plan().n_rows();
    if work.is_encoded()? {
        runtime.note(&format!("{TOKENISE:16} done before: {}", counted(n_rows, "row")));
    } else {
        let observe = &mut progress::stage(runtime, TOKENISE.to_owned(), n_rows);
        let mut goes_on = |_| !runtime.is_interrupted();
        let (pool, encoder) = (&sequences.pool, &sequences.encoder);
        runtime.stopped(work.encode_while(pool, encoder, threads, &mut goes_on, observe))?;
    }
    warn_of_unread(work, runtime)
}

/// Warns of fields of rows that no model sees.
///
/// # Errors
/// If the records of the shards cannot be read.
pub(crate) fn warn_of_unread(work: &WorkDir, runtime: &Runtime) -> Result<()> {
    work.unread()?.iter().for_each(|record| runtime.warn(&format!("not read: {record}")));
    Ok(())
}

/// Opens or creates a work directory, and scores with a model. Rows are scored while later rows are still being
/// tokenized.
///
/// # Errors
/// The errors of [`encode`] and [`score`].
pub(crate) fn encode_and_score(
    sequences: &Sequences,
    plan: &Plan,
    work: &Location,
    model: &Model,
    detail: Detail,
    threads: usize,
    runtime: &Runtime,
) -> Result<WorkDir> {
    let work = WorkDir::open(store(work, runtime)?, plan.clone())?;
    let n_rows = work.plan().n_rows();
    if work.is_encoded()? {
        runtime.note(&format!("{:16} done before: {}", "tokenize", counted(n_rows, "row")));
        score(&work, model, detail, threads, runtime)?;
        return Ok(work);
    }
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let (pool, encoder, work) = (&sequences.pool, &sequences.encoder, &work);
        let encoding = scope.spawn(move || {
            let mut observe = progress::stage(runtime, TOKENISE.to_owned(), n_rows);
            work.encode_while(pool, encoder, threads, &mut |_| !runtime.is_interrupted(), &mut |progress| {
                // Tokenizing continues if scoring has ended.
                let _ = sender.send(progress.rows_done);
                observe(progress);
            })
        });
        let mut rows_encoded = 0;
        let mut encoded = |shard: Shard| {
            while !runtime.is_interrupted() && rows_encoded < shard.first_row + shard.n_rows {
                let Ok(rows) = receiver.recv() else { return false };
                rows_encoded = rows;
            }
            !runtime.is_interrupted()
        };
        let engine = model.engine(threads, runtime)?;
        let observe = &mut progress::stage(runtime, format!("score {}", model.key.role), n_rows);
        let engine = engine.measured_by(model.key.measure);
        let scored = work.score_behind(&model.key, &engine, detail, &mut encoded, observe);
        // An error of tokenizing goes first, since it also stopped the scoring.
        let encoded = encoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        runtime.stopped(encoded)?;
        runtime.stopped(scored)
    })?;
    Ok(work)
}

/// Removes the work directory of a result that is already there, as a killed attempt leaves it. Directories of another
/// plan stay.
///
/// # Errors
/// If the directory cannot be read or removed.
pub(crate) fn clean_up(work: &Path, plan: Plan, runtime: &Runtime) -> Result<()> {
    if !work.exists() {
        return Ok(());
    }
    let store = store(&work.into(), runtime)?;
    match WorkDir::plan_in(&store)? {
        Some(found) if found.id() == plan.id() => Ok(WorkDir::open(store, plan)?.remove()?),
        _ => Ok(()),
    }
}

/// Scores the rows that a model has not scored yet. The model is loaded only if there are any.
///
/// # Errors
/// If the model cannot be loaded, a device fails, a unit cannot be written, or the observer asks to stop.
pub fn score(work: &WorkDir, model: &Model, detail: Detail, threads: usize, runtime: &Runtime) -> Result<()> {
    if work.is_scored(&model.key, detail)? {
        let role = &model.key.role;
        runtime.note(&format!(
            "{:16} done before: {}",
            format!("score {role}"),
            counted(work.plan().n_rows(), "row")
        ));
        return Ok(());
    }
    let engine = model.engine(threads, runtime)?;
    let observe = &mut progress::stage(runtime, format!("score {}", model.key.role), work.plan().n_rows());
    let mut goes_on = |_| !runtime.is_interrupted();
    let engine = engine.measured_by(model.key.measure);
    runtime.stopped(work.score_behind(&model.key, &engine, detail, &mut goes_on, observe))
}

/// Scores the rows that a base and its tuned model have not scored yet. Layers of an adapter's base that are read from
/// disk are read once for both.
///
/// # Errors
/// The errors of [`score`].
pub(crate) fn score_pair(
    work: &WorkDir,
    base: &Model,
    tuned: Option<&Model>,
    detail: Detail,
    threads: usize,
    runtime: &Runtime,
) -> Result<()> {
    if let Some(tuned) = tuned.filter(|tuned| base.reads_layers_of(tuned, threads))
        && !work.is_scored(&base.key, detail)?
        && !work.is_scored(&tuned.key, detail)?
        && let Some(engines) = base.engines_with(tuned, threads, runtime)?
    {
        let n_rows = work.plan().n_rows();
        let [mut of_base, mut of_tuned] =
            [base, tuned].map(|model| progress::stage(runtime, format!("score {}", model.key.role), n_rows));
        let base_stage = Stage::Score(base.key.role.to_string());
        let observe = &mut |at: Progress| if at.stage == base_stage { of_base(at) } else { of_tuned(at) };
        let mut goes_on = |_| !runtime.is_interrupted();
        let (first, second) = (engines.first(), engines.second());
        let (first, second) = ((&base.key, &first), (&tuned.key, &second));
        return runtime.stopped(work.score_both(first, second, detail, &mut goes_on, observe));
    }
    [Some(base), tuned]
        .into_iter()
        .flatten()
        .try_for_each(|model| score(work, model, detail, threads, runtime))
}

/// The first row of each status that has a reason, and that reason.
pub type Reasons = BTreeMap<RowStatus, (u64, String)>;

/// The number of rows that could not be scored. Rows that were left out on request do not count.
pub fn n_skipped(counts: &BTreeMap<RowStatus, u64>) -> u64 {
    let skipped = counts.iter().filter(|(status, _)| !status.is_scored() && **status != RowStatus::Duplicate);
    skipped.map(|(_, n)| n).sum()
}
