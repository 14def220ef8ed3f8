//! LESS: rows are scored by the influence of their gradients on target tasks (arXiv 2402.04333).

mod gradients;
mod inputs;
pub mod pds;
mod report;
mod targets;

use std::path::{Path, PathBuf};

use lobass_influence::Projection;
use lobass_matrix::Format;
use lobass_run::{RowScoreWriter, WorkDir};
use serde_json::{Value, json};

use self::gradients::{GradientStore, WarmUpDir};
use self::inputs::Inputs;
use self::targets::{Targets, influence, targets};
use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::model::Model;
use crate::outputs::{check_empty, work_beside};
use crate::runtime::Runtime;
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings};

pub use report::InfluenceReport;

/// A pool that is to be scored by LESS.
#[derive(Debug, Clone)]
pub struct InfluenceJob<'a> {
    /// The checkpoint that the warm-up adapter was trained on.
    pub base: &'a Path,
    /// The adapter at the end of each warm-up epoch, with the state of its optimizer; at least one.
    pub checkpoints: &'a [PathBuf],
    /// The files of the target tasks, as `NAME=PATH` or a path. Files with the same name are one task.
    pub targets: &'a [String],
    /// The pool.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// The random projection of each gradient.
    pub projection: Projection,
    /// The number format of gradients on disk.
    pub format: Format,
    /// A directory that keeps token ids and gradients. `None` keeps them beside `out` until the scores are written.
    pub work: Option<&'a Path>,
    /// The file of the scores: Parquet, or JSON lines.
    pub out: &'a Path,
}

/// The directory of gradients in the work directory.
const GRADIENTS: &str = "gradients";

impl InfluenceJob<'_> {
    /// Scores every row of the pool by its largest influence on a target task, and writes the scores. An interrupted call is
    /// repeated to go on.
    ///
    /// # Errors
    /// If `out` exists, a checkpoint is not an adapter of the base, a task has no row that can be scored, or a file cannot
    /// be read or written.
    pub fn run(&self, runtime: &Runtime) -> Result<InfluenceReport> {
        if self.out.exists() {
            bail!(Output, "`{}` is there already; remove it or use another name", self.out.display());
        }
        Missing::default()
            .model("base", self.base)
            .files("checkpoint", self.checkpoints)
            .further_data("target file", self.targets, runtime)
            .data(self.data, runtime)
            .apart(self.out, self.data)
            .sequences(self.sequences)
            .end()?;
        let dir = self.work.map_or_else(|| work_beside(self.out), Path::to_owned);
        if !dir.join(inputs::POOL).join("plan.json").exists() {
            check_empty(&dir)?;
        }
        let base = Model::open_as("base", self.base, self.compute, runtime)?;
        base.check_plain()?;
        let open = |dir: &PathBuf| WarmUpDir::open(&base, dir, runtime);
        let warm_ups = self.checkpoints.iter().map(open).collect::<Result<Vec<_>>>()?;
        let inputs = Inputs {
            data: self.data,
            sequences: self.sequences,
            targets: self.targets,
            tuned: self.checkpoints.first().map(PathBuf::as_path),
            threads: self.compute.threads(),
            keeps: self.work.is_some(),
            results: GRADIENTS,
            dir: &dir,
        };
        let (sequences, target_pool) = inputs.rows(&base, runtime)?;
        let (pool, target) = inputs.tokenized(&sequences, &target_pool, runtime)?;

        let gradients =
            GradientStore { dir: dir.join(GRADIENTS), projection: self.projection, format: self.format };
        for warm_up in &warm_ups {
            gradients.complete(warm_up, &target, &pool, self.compute.threads(), runtime)?;
        }
        let tasks = targets(&gradients, &warm_ups, &target, &target_pool, runtime)?;
        let manifest = self.manifest(&base, &warm_ups, &pool, &target, &tasks)?;
        let parts = tasks.named.iter().map(|(name, _)| format!("to_{name}")).collect();
        let mut writer = RowScoreWriter::create(self.out, parts, &manifest)?;
        let missing = influence(&gradients, &warm_ups, &pool, &tasks, &mut writer)?;
        writer.finish()?;
        let n_scored = pool.plan().n_rows() - missing.values().sum::<u64>();
        if self.work.is_none() {
            inputs.remove(pool, target)?;
        }
        Ok(InfluenceReport { scores: self.out.to_owned(), n_scored, missing, manifest, tasks: tasks.named })
    }

    /// Everything that the scores depend on.
    fn manifest(
        &self,
        base: &Model,
        warm_ups: &[WarmUpDir],
        pool: &WorkDir,
        target: &WorkDir,
        tasks: &Targets,
    ) -> Result<Value> {
        let (plan, target) = (pool.plan(), target.plan());
        let task = |(name, n_rows): &(String, usize)| json!({"name": name, "n_rows": n_rows});
        let tasks: Vec<Value> = tasks.named.iter().map(task).collect();
        Ok(json!({
            "version": 1, "tool": concat!("lobass ", env!("CARGO_PKG_VERSION")), "method": "LESS, arXiv 2402.04333",
            "plan": plan.id(), "inputs": plan.inputs, "n_rows": plan.n_rows(), "tokenizer": plan.tokenizer,
            "template": plan.template, "encoding": plan.encoding, "targets": target.inputs, "tasks": tasks,
            "base": base.key, "checkpoints": warm_ups.iter().map(WarmUpDir::record).collect::<Vec<_>>(),
            "projection": {"dim": self.projection.dim.unwrap_or_default(), "seed": self.projection.seed},
            "gradient_format": self.format.to_string(),
            "unread": pool.unread()?,
        }))
    }
}
