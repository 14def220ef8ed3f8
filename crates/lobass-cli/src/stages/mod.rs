//! The stages that commands are made of: encode, train, score, seal.

mod fleet;
mod reference;
mod references;
mod selecting;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{Detail, RowStatus, ScoreRecord};
use lobass_loss::Engine;
use lobass_run::{Location, Plan, WorkDir};

pub(crate) use fleet::Fleet;
pub(crate) use reference::{Part, TrainRequest, Trained, TrainingRecord, train_reference, trained_before};
pub(crate) use references::{ReferenceReport, References, given};
pub(crate) use selecting::{SelectionTarget, select_and_write};
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
    ui: Ui,
) -> anyhow::Result<WorkDir> {
    let work = WorkDir::open(store(work)?, plan.clone())?;
    if work.is_encoded()? {
        ui.note(format!("{:16} done before: {}", "tokenise", counted(work.plan().n_rows(), "row")));
    } else {
        work.encode(&sequences.pool, &sequences.encoder, threads, &mut run_stage(ui, work.plan().n_rows()))?;
    }
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
    ui: Ui,
) -> anyhow::Result<()> {
    if work.is_scored(&model.key, detail)? {
        let role = &model.key.role;
        ui.note(format!(
            "{:16} done before: {}",
            format!("score {role}"),
            counted(work.plan().n_rows(), "row")
        ));
        return Ok(());
    }
    let engine = Engine::new(model.load()?, threads);
    Ok(work.score(&model.key, &engine, detail, &mut run_stage(ui, work.plan().n_rows()))?)
}

/// The first row of each status that has a reason, and that reason.
pub(crate) type Reasons = BTreeMap<RowStatus, (u64, String)>;

pub(crate) fn first_reasons(records: &[ScoreRecord]) -> Reasons {
    let mut reasons = Reasons::new();
    for record in records {
        if let Some(reason) = &record.reason {
            reasons.entry(record.status).or_insert_with(|| (record.row, reason.clone()));
        }
    }
    reasons
}

/// Rows that could not be scored; rows left out on request do not count.
pub(crate) fn n_skipped(counts: &BTreeMap<RowStatus, u64>) -> u64 {
    let skipped = counts.iter().filter(|(status, _)| !status.is_scored() && **status != RowStatus::Duplicate);
    skipped.map(|(_, n)| n).sum()
}
