//! The stages that commands are made of: encode, train, score, seal.

mod reference;
mod references;
mod selecting;

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{Detail, RowStatus};
use lobass_loss::Engine;
use lobass_run::{Plan, Seal, SealReport, WorkDir};

pub(crate) use reference::{Part, TrainRequest, Trained, TrainingRecord, train_reference, trained_before};
pub(crate) use references::{ReferenceReport, References, given};
pub(crate) use selecting::{SelectionTarget, columns_of, select_and_write};

use crate::inputs::Sequences;
use crate::models::Model;
use crate::progress::run_stage;
use crate::text::{count, counted};
use crate::ui::Ui;

/// Begins or takes up a work directory, and encodes what has not been.
pub(crate) fn encode(
    sequences: &Sequences,
    plan: &Plan,
    work: &Path,
    threads: usize,
    ui: Ui,
) -> anyhow::Result<WorkDir> {
    let work = WorkDir::open(work, plan.clone())?;
    if work.is_encoded()? {
        ui.note(format!("{:16} done before: {}", "tokenise", counted(work.plan().n_rows(), "row")));
    } else {
        work.encode(&sequences.pool, &sequences.encoder, threads, &mut run_stage(ui, work.plan().n_rows()))?;
    }
    Ok(work)
}

/// Removes what an attempt left that was killed when its result was already there. Anything else is left alone.
pub(crate) fn clean_up(work: &Path, plan: Plan) -> anyhow::Result<()> {
    match WorkDir::plan_in(work)? {
        Some(found) if found.id() == plan.id() => Ok(WorkDir::open(work, plan)?.remove()?),
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

/// Joins everything into a table and says what is in it.
pub(crate) fn seal(work: &WorkDir, seal: &Seal, out: &Path, ui: Ui) -> anyhow::Result<SealReport> {
    let report = work.seal(seal, out)?;
    ui.note(format!(
        "{:16} {}, {} scored of {} tokens",
        "table",
        counted(report.manifest.n_rows, "row"),
        count(report.n_scored),
        count(report.n_tokens)
    ));
    Ok(report)
}

/// The first row of each status that has a reason, and that reason.
pub(crate) type Reasons = BTreeMap<RowStatus, (u64, String)>;

/// Rows that could not be scored; rows left out on request do not count.
pub(crate) fn n_skipped(counts: &BTreeMap<RowStatus, u64>) -> u64 {
    let skipped = counts.iter().filter(|(status, _)| !status.is_scored() && **status != RowStatus::Duplicate);
    skipped.map(|(_, n)| n).sum()
}
