//! The target tasks, and the influence of rows on them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lobass_core::Observer as _;
use lobass_core::{RowStatus, Sequence};
use lobass_data::Pool;
use lobass_influence::{Kind, Tasks};
use lobass_run::{RowName, RowScore, RowScoreWriter, WorkDir};

use super::gradients::{GradientStore, WarmUpDir};
use crate::error::{Context as _, Error, Result};
use crate::faults::Faults;
use crate::runtime::Runtime;

/// The target tasks, with the gradients of their rows.
#[derive(Debug)]
pub(super) struct Targets {
    tasks: Tasks,
    /// The name of each task, and the number of its rows that have a gradient.
    pub(super) named: Vec<(String, usize)>,
}

/// The vectors of some rows; `None` for a row without one.
type Rows = Vec<Option<Vec<f32>>>;

/// The names of tasks, and the task of each source. Files with the same name are one task.
struct TaskNames<'a> {
    names: Vec<String>,
    task_of: BTreeMap<&'a str, usize>,
}

impl<'a> TaskNames<'a> {
    fn of(pool: &'a Pool) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut task_of = BTreeMap::new();
        for file in pool.files() {
            let task = names.iter().position(|name| name == file.name()).unwrap_or_else(|| {
                names.push(file.name().to_owned());
                names.len() - 1
            });
            task_of.insert(file.source(), task);
        }
        Self { names, task_of }
    }
}

/// Checks that each task has a row that can be scored, once the target rows are tokenized.
///
/// # Errors
/// Every task without such a row, with what its rows are instead.
pub(super) fn check(target: &WorkDir, pool: &Pool) -> Result<()> {
    let TaskNames { names, task_of } = TaskNames::of(pool);
    let mut statuses: Vec<BTreeMap<RowStatus, usize>> = vec![BTreeMap::new(); names.len()];
    for &shard in &target.plan().shards {
        for row in target.names_of(shard)? {
            let task = *task_of.get(row.source.as_str()).context("a row comes from a file of its plan")?;
            *statuses[task].entry(row.status).or_default() += 1;
        }
    }
    let mut faults = Faults::default();
    for (name, statuses) in names.iter().zip(&statuses) {
        if !statuses.keys().any(|status| status.is_scored()) {
            let counts: Vec<String> =
                statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
            let counts = format!(": {}", counts.join(", "));
            faults.add(nothing_usable(name, statuses.values().sum(), &counts));
        }
    }
    faults.end()
}

/// The rows of each task that can be scored, with the names of the tasks.
///
/// # Errors
/// If a shard cannot be read.
pub(super) fn sequences_by_task(target: &WorkDir, pool: &Pool) -> Result<Vec<(String, Vec<Sequence>)>> {
    let TaskNames { names, task_of } = TaskNames::of(pool);
    let mut tasks: Vec<(String, Vec<Sequence>)> = names.into_iter().map(|name| (name, Vec::new())).collect();
    for &shard in &target.plan().shards {
        let sources = target.names_of(shard)?.into_iter().map(|name| (name.row, name.source));
        let sources: BTreeMap<u64, String> = sources.collect();
        for (row, sequence) in target.sequences_of(shard)? {
            let task = sources.get(&row).and_then(|source| task_of.get(source.as_str()));
            tasks[*task.context("a row comes from a file of its plan")?].1.push(sequence);
        }
    }
    Ok(tasks)
}

fn nothing_usable(task: &str, n_rows: usize, counts: &str) -> Error {
    Error::Influence(format!(
        "target `{task}`: expected rows that can be scored, found none among {n_rows}{counts}"
    ))
}

/// Reads the gradients of the target rows. Files with the same name are one task.
///
/// # Errors
/// If no row of a task can be scored, or gradients are missing.
pub(super) fn targets(
    gradients: &GradientStore,
    warm_ups: &[WarmUpDir],
    target: &WorkDir,
    pool: &Pool,
    runtime: &Runtime,
) -> Result<Targets> {
    let TaskNames { names, task_of } = TaskNames::of(pool);
    let mut vectors: Vec<Vec<Rows>> = vec![vec![Vec::new(); names.len()]; warm_ups.len()];
    for &shard in &target.plan().shards {
        let rows = target.names_of(shard)?;
        for (warm_up, vectors) in warm_ups.iter().zip(&mut vectors) {
            let matrix = gradients.open(warm_up, target, Kind::Target, shard)?;
            for (at, row) in rows.iter().enumerate() {
                let task = task_of.get(row.source.as_str());
                let task = *task.context("a row comes from a file of its plan")?;
                vectors[task].push(matrix.row(at).map(Cow::into_owned));
            }
        }
    }
    let usable = |task: usize| {
        let n_rows = vectors.first().map_or(0, |tasks| tasks[task].len());
        let has_all = |row: &usize| vectors.iter().all(|tasks| tasks[task][*row].is_some());
        ((0..n_rows).filter(has_all).count(), n_rows)
    };
    let mut named = Vec::new();
    for (task, name) in names.into_iter().enumerate() {
        let (usable, n_rows) = usable(task);
        match usable {
            0 => return Err(nothing_usable(&name, n_rows, "")),
            _ if usable < n_rows => {
                runtime.warn(&format!(
                    "target `{name}`: {} of {} rows cannot be scored and are left out",
                    n_rows - usable,
                    n_rows
                ));
            }
            _ => {}
        }
        named.push((name, usable));
    }
    let rates: Vec<f64> = warm_ups.iter().map(|warm_up| warm_up.learning_rate).collect();
    Ok(Targets { tasks: Tasks::new(&rates, &vectors)?, named })
}

/// Scores every row of the pool; returns the number of rows without a score by status.
///
/// # Errors
/// If gradients are missing or the scores cannot be written.
pub(super) fn influence(
    gradients: &GradientStore,
    warm_ups: &[WarmUpDir],
    pool: &WorkDir,
    targets: &Targets,
    writer: &mut RowScoreWriter,
) -> Result<BTreeMap<RowStatus, u64>> {
    let mut missing = BTreeMap::new();
    for &shard in &pool.plan().shards {
        let matrices = warm_ups
            .iter()
            .map(|warm_up| gradients.open(warm_up, pool, Kind::Training, shard))
            .collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        for (at, mut name) in pool.names_of(shard)?.into_iter().enumerate() {
            let vectors: Option<Vec<_>> = matrices.iter().map(|matrix| matrix.row(at)).collect();
            rows.push(match vectors {
                Some(vectors) => scored(name, &vectors, targets),
                None => {
                    if name.status.is_scored() {
                        name.status = RowStatus::NonFinite;
                    }
                    *missing.entry(name.status).or_default() += 1;
                    RowScore { name, score: None, parts: vec![None; targets.named.len()] }
                }
            });
        }
        writer.write(&rows)?;
    }
    Ok(missing)
}

fn scored(name: RowName, vectors: &[Cow<'_, [f32]>], targets: &Targets) -> RowScore {
    let vectors: Vec<&[f32]> = vectors.iter().map(AsRef::as_ref).collect();
    let found = targets.tasks.influence(&vectors);
    RowScore { name, score: Some(found.score), parts: found.of_task.into_iter().map(Some).collect() }
}
