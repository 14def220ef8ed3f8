//! The stages that commands are made of: encode, train, score, seal.

pub(crate) mod comparing;
mod embedding;
mod fleet;
mod influence;
mod reference;
mod references;
mod reporting;
mod selecting;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use lobass_core::{Detail, Measure, Observer as _, RowStatus};
use lobass_loss::{Brier, Engine};
use lobass_run::{Location, Plan, Shard, WorkDir};

pub(crate) use embedding::{
    check_embeddings, embed, embeddings_done_before, say_embeddings, write_embeddings,
};
pub(crate) use fleet::Fleet;
pub(crate) use influence::{GradientStore, WarmUpDir, influence, targets};
pub(crate) use reference::{TrainRequest, train_reference, trained_before};
pub(crate) use references::{ReferenceReport, References, further, given};
pub(crate) use reporting::{DEFAULT_STRATEGIES, Heat, PageRequest, RunPage, Spelled, Tokens};
pub(crate) use selecting::{
    Expected, SelectionTarget, check_data, choose, columns_of, reads_rows, select_and_write,
};
pub(crate) use table::{TableFormat, say_table, write_table};

use crate::inputs::Sequences;
use crate::models::Model;
use crate::progress::run_stage;
use crate::text::counted;
use crate::ui::Ui;
use crate::work::store;

/// Begins or takes up a work directory, and encodes what has not been.
pub(crate) fn encode(
    sequences: &Sequences,
    plan: &Plan,
    work: &Location,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<WorkDir> {
    let work = WorkDir::open(store(work)?, plan.clone())?;
    if work.is_encoded()? {
        ui.note(&format!("{:16} done before: {}", "tokenise", counted(work.plan().n_rows(), "row")));
    } else {
        let observe = &mut run_stage(ui, work.plan().n_rows());
        work.encode_while(
            &sequences.pool,
            &sequences.encoder,
            threads,
            &mut |_| !ui.is_interrupted(),
            observe,
        )?;
    }
    warn_of_unread(&work, ui)?;
    Ok(work)
}

/// Says what rows say and no model sees.
pub(crate) fn warn_of_unread(work: &WorkDir, ui: &Ui) -> anyhow::Result<()> {
    work.unread()?.iter().for_each(|record| ui.warn(&format!("not read: {record}")));
    Ok(())
}

/// Begins or takes up a work directory, and scores with a model what has been tokenised while the rest still is.
pub(crate) fn encode_and_score(
    sequences: &Sequences,
    plan: &Plan,
    work: &Location,
    model: &Model,
    detail: Detail,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<WorkDir> {
    let work = WorkDir::open(store(work)?, plan.clone())?;
    let n_rows = work.plan().n_rows();
    if work.is_encoded()? {
        ui.note(&format!("{:16} done before: {}", "tokenise", counted(n_rows, "row")));
        score(&work, model, detail, threads, ui)?;
        return Ok(work);
    }
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let (pool, encoder, work) = (&sequences.pool, &sequences.encoder, &work);
        let encoding = scope.spawn(move || {
            let ui = ui.without_bar();
            let mut observe = run_stage(&ui, n_rows);
            work.encode_while(pool, encoder, threads, &mut |_| !ui.is_interrupted(), &mut |progress| {
                // If nobody scores any more, the rest is still worth tokenising.
                let _ = sender.send(progress.rows_done);
                observe(progress);
            })
        });
        let mut rows_encoded = 0;
        let mut encoded = |shard: Shard| {
            while !ui.is_interrupted() && rows_encoded < shard.first_row + shard.n_rows {
                let Ok(rows) = receiver.recv() else { return false };
                rows_encoded = rows;
            }
            !ui.is_interrupted()
        };
        let engine = Engine::new(model.load()?, threads);
        let scored = work.score_behind(&model.key, &engine, detail, &mut encoded, &mut run_stage(ui, n_rows));
        // What stopped the tokenising stopped the scoring too.
        encoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok::<(), anyhow::Error>(scored?)
    })?;
    Ok(work)
}

/// Removes what an attempt left that was killed when its result was already there. Anything else is left alone.
pub(crate) fn clean_up(work: &Path, plan: Plan) -> anyhow::Result<()> {
    if !work.exists() {
        return Ok(());
    }
    let store = store(&work.into())?;
    match WorkDir::plan_in(&store)? {
        Some(found) if found.id() == plan.id() => Ok(WorkDir::open(store, plan)?.remove()?),
        _ => Ok(()),
    }
}

/// Scores what a model has not scored yet; loads it only if there is something to do.
pub(crate) fn score(
    work: &WorkDir,
    model: &Model,
    detail: Detail,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<()> {
    if work.is_scored(&model.key, detail)? {
        let role = &model.key.role;
        ui.note(&format!(
            "{:16} done before: {}",
            format!("score {role}"),
            counted(work.plan().n_rows(), "row")
        ));
        return Ok(());
    }
    let engine = Engine::new(model.load()?, threads);
    let (observe, mut goes_on) = (&mut run_stage(ui, work.plan().n_rows()), |_| !ui.is_interrupted());
    match model.key.measure {
        Measure::CrossEntropy => work.score_behind(&model.key, &engine, detail, &mut goes_on, observe)?,
        Measure::Brier => work.score_behind(&model.key, &Brier(&engine), detail, &mut goes_on, observe)?,
    }
    Ok(())
}

/// The first row of each status that has a reason, and that reason.
pub(crate) type Reasons = BTreeMap<RowStatus, (u64, String)>;

/// Rows that could not be scored; rows left out on request do not count.
pub(crate) fn n_skipped(counts: &BTreeMap<RowStatus, u64>) -> u64 {
    let skipped = counts.iter().filter(|(status, _)| !status.is_scored() && **status != RowStatus::Duplicate);
    skipped.map(|(_, n)| n).sum()
}
