//! PDS: rows are scored by what their weight would do to a short training (arXiv 2410.07064).

mod cost;
mod probes;
mod radius;
mod report;
mod settings;
mod states;
mod sweep;
mod unused;

use std::path::Path;

use lobass_core::{Dtype, Observer as _, Sequence};
use lobass_data::Pool;
use lobass_influence::pds::{Descent, Target};
use lobass_run::{Part, RowScoreWriter, WorkDir};
use serde_json::{Value, json};

use super::inputs::{Inputs, POOL};
use super::targets::sequences_by_task;
use crate::error::{Error, Result, bail};
use crate::missing::Missing;
use crate::model::Model;
use crate::outputs::{check_empty, work_beside};
use crate::runtime::Runtime;
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings, Method, TrainSettings};

pub use cost::Cost;
use probes::Probes;
pub use report::{PdsReport, ProbeRecord};
pub use settings::PdsSettings;
use states::States;
use sweep::Sweep;

/// The directory of weights and co-states in the work directory.
const STATES: &str = "pds";

/// A pool that is to be scored by PDS.
#[derive(Debug, Clone)]
pub struct PdsJob<'a> {
    /// The checkpoint that the training starts from.
    pub base: &'a Path,
    /// The files of the target tasks, as `NAME=PATH` or a path. Files with the same name are one task.
    pub targets: &'a [String],
    /// The pool.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The device and the threads. The number format is f32.
    pub compute: &'a ComputeSettings,
    /// The training and the co-state.
    pub settings: &'a PdsSettings,
    /// A directory that keeps token ids, weights, and losses. `None` keeps them beside `out` until the scores are
    /// written.
    pub work: Option<&'a Path>,
    /// The part of the scores that this process computes; `None` computes all, and writes them. The first part also does
    /// the training and the co-state, which the others need.
    pub part: Option<Part>,
    /// The file of the scores: Parquet, or JSON lines.
    pub out: &'a Path,
}

impl PdsJob<'_> {
    /// Scores every row of the pool, and writes the scores. Higher is better. An interrupted call is repeated to go on,
    /// and ends with the same bytes. A part writes no scores, and has no report.
    ///
    /// # Errors
    /// If `out` exists, the settings do not fit, a task has no row that can be scored, the training diverges, the co-state
    /// grows because the learning rate is too large, or scores depend on the radius; also if a file cannot be read or
    /// written.
    /// [`Error::Unfinished`] for a part whose training and co-state are not there yet.
    pub fn run(&self, runtime: &Runtime) -> Result<Option<PdsReport>> {
        if self.out.exists() {
            bail!(Output, "`{}` is there already; remove it or use another name", self.out.display());
        }
        self.settings.check()?;
        if self.part.is_some() && self.work.is_none() {
            bail!(Settings, "a part of the work needs a place that all parts share: `--work`");
        }
        Missing::default()
            .model("base", self.base)
            .further_data("target file", self.targets, runtime)
            .data(self.data, runtime)
            .apart(self.out, self.data)
            .sequences(self.sequences)
            .end()?;
        let dir = self.work.map_or_else(|| work_beside(self.out), Path::to_owned);
        if !dir.join(POOL).join("plan.json").exists() {
            check_empty(&dir)?;
        }
        let base = self.open_base(runtime)?;
        let inputs = Inputs {
            data: self.data,
            sequences: self.sequences,
            targets: self.targets,
            tuned: None,
            threads: self.compute.threads(),
            keeps: self.work.is_some(),
            results: STATES,
            dir: &dir,
        };
        let (sequences, target_pool) = inputs.rows(&base, runtime)?;
        let (pool, target) = inputs.tokenized(&sequences, &target_pool, runtime)?;
        unused::warn(&target, &target_pool, &sequences.encoder, runtime)?;
        let report = self.score(&base, &pool, &target, &target_pool, &dir, runtime)?;
        if self.work.is_none() {
            inputs.remove(pool, target)?;
        }
        Ok(report)
    }

    fn open_base(&self, runtime: &Runtime) -> Result<Model> {
        let compute = ComputeSettings {
            dtype: self.compute.dtype.clone().or(Some(Dtype::F32.to_string())),
            ..self.compute.clone()
        };
        let base = Model::open_as("base", self.base, &compute, runtime)?;
        if base.key.dtype != Dtype::F32 {
            bail!(
                Influence,
                "PDS takes differences of losses at weights that hardly differ: expected `--dtype f32`, found {}",
                base.key.dtype
            );
        }
        let method = if self.settings.adapter.is_some() { Method::Lora } else { Method::Full };
        base.check_start(&TrainSettings { method, ..TrainSettings::default() }, runtime)?;
        base.check_plain()?;
        if let Some(adapter) = &self.settings.adapter {
            adapter.check_for(base.checkpoint.spec())?;
        }
        Ok(base)
    }

    fn score(
        &self,
        base: &Model,
        pool: &WorkDir,
        target: &WorkDir,
        target_pool: &Pool,
        dir: &Path,
        runtime: &Runtime,
    ) -> Result<Option<PdsReport>> {
        let settings = self.settings;
        let rows: Vec<Sequence> = pool.sequences()?.into_iter().map(|(_, sequence)| sequence).collect();
        if rows.is_empty() {
            bail!(Influence, "expected a pool with rows that can be scored, found none");
        }
        let (names, tasks): (Vec<String>, Vec<Vec<Sequence>>) =
            sequences_by_task(target, target_pool)?.into_iter().unzip();
        let tasks_found: Vec<(String, usize)> = names.into_iter().zip(tasks.iter().map(Vec::len)).collect();
        let target_rows = Target::new(tasks)?;
        let cost = Cost::of(settings, rows.len(), target_rows.len());
        runtime.note(&format!("{:16} {cost}", "cost"));

        let model = match &settings.adapter {
            None => base.load_for_training()?,
            Some(lora) => lora.attach(&base.load_frozen()?, settings.seed)?,
        };
        lobass_loss::check_ids(&model, &rows)?;
        let threads = self.compute.threads();
        let descent = Descent::new(model, &rows, &target_rows, settings.row_loss, threads)?;
        let states = States::of(&dir.join(STATES), self.facts(base, pool, target), descent.n_values())?;
        let sweep = Sweep { settings, descent: &descent, states: &states, n_rows: rows.len(), runtime };
        let part = self.part.unwrap_or(Part::ALL);
        let largest_curvature = sweep_for(part, &sweep)?;
        radius::check(settings, &descent, &states, &rows, threads, runtime)?;

        let probes =
            Probes { settings, descent: &descent, states: &states, base, pool, part, threads, runtime };
        let records = probes.run()?;
        if self.part.is_some() {
            return Ok(None);
        }
        let target_loss = sweep.target_loss()?;
        let manifest = self.manifest(base, pool, target, &tasks_found, &records)?;
        let parts = records.iter().map(|record| format!("at_step_{}", record.step)).collect();
        let mut writer = RowScoreWriter::create(self.out, parts, &manifest)?;
        let written = probes.write(&records, &mut writer)?;
        writer.finish()?;
        Ok(Some(PdsReport {
            scores: self.out.to_owned(),
            n_scored: written.n_scored,
            missing: written.missing,
            length_correlation: written.length_correlation,
            target_loss,
            largest_curvature,
            probes: records,
            cost,
            tasks: tasks_found,
            manifest,
        }))
    }

    /// Everything that weights and co-states depend on.
    fn facts(&self, base: &Model, pool: &WorkDir, target: &WorkDir) -> Value {
        let key = &base.key;
        json!({
            "version": 1, "pool": pool.plan().id(), "target": target.plan().id(), "settings": self.settings,
            "weights": key.weights_digest, "rounding": key.rounding, "device": key.device.kind.to_string(),
        })
    }

    /// Everything that the scores depend on.
    fn manifest(
        &self,
        base: &Model,
        pool: &WorkDir,
        target: &WorkDir,
        tasks: &[(String, usize)],
        probes: &[ProbeRecord],
    ) -> Result<Value> {
        let plan = pool.plan();
        let task = |(name, n_rows): &(String, usize)| json!({"name": name, "n_rows": n_rows});
        let tasks: Vec<Value> = tasks.iter().map(task).collect();
        Ok(json!({
            "version": 1, "tool": concat!("lobass ", env!("CARGO_PKG_VERSION")), "method": "PDS, arXiv 2410.07064",
            "plan": plan.id(), "inputs": plan.inputs, "n_rows": plan.n_rows(), "tokenizer": plan.tokenizer,
            "template": plan.template, "encoding": plan.encoding, "targets": target.plan().inputs, "tasks": tasks,
            "base": base.key, "settings": self.settings, "probes": probes, "unread": pool.unread()?,
        }))
    }
}

/// The training and the co-state, by the first part; gives the largest curvature.
///
/// # Errors
/// If they fail; [`Error::Unfinished`] for another part if they are not there yet, but [`Error::Settings`] if part 0 has
/// begun with other settings: then they never come.
fn sweep_for(part: Part, sweep: &Sweep<'_>) -> Result<f64> {
    if part.rank == 0 {
        sweep.states.begin()?;
        sweep.train()?;
        sweep.go_back()?;
    } else if !sweep.is_done() {
        if let Some(differences) = sweep.states.of_others()? {
            bail!(
                Settings,
                "part {} of {}: the work directory has a training with other settings, and none with these: {}; use the \
                 settings of part 0, or begin part 0 with these",
                part.rank,
                part.of,
                differences.join(", ")
            );
        }
        return Err(Error::Unfinished(format!(
            "part {} of {}: the training and the co-state are not there yet; part 0 computes them, so repeat this command \
             when it has",
            part.rank, part.of
        )));
    }
    let (rate, largest) = (sweep.settings.learning_rate, sweep.largest_curvature()?);
    if rate * largest > 2.0 {
        sweep.runtime.warn(&format!(
            "the learning rate {rate} times the curvature, which is about {largest:.3e}, is above 2: steps overshoot, and \
             scores say little; a rate below {:.1e} is safer",
            2.0 / largest
        ));
    }
    Ok(largest)
}
