//! Gradients of rows under warm-up checkpoints, on disk.

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::{ProgressUnit, Sequence, StageProgress};
use lobass_influence::{Kind, Projection, WarmUp, features};
use lobass_loss::{Workers, check_ids};
use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
use lobass_model::AdapterCheckpoint;
use lobass_run::{Shard, WorkDir};
use lobass_train::AdamState;
use serde_json::{Value, json};

use crate::error::{Context as _, Result, bail};
use crate::model::{Model, check_prompted, check_record};
use crate::reference::MOMENTS;
use crate::runtime::Runtime;

/// An adapter at the end of an epoch, with the state of its optimizer.
#[derive(Debug)]
pub(super) struct WarmUpDir {
    model: Model,
    /// The learning rate of the epoch.
    pub(super) learning_rate: f64,
    /// SHA-256 of the state of the optimizer.
    moments: String,
}

impl WarmUpDir {
    /// Opens the adapter of an epoch.
    ///
    /// # Errors
    /// If there is no adapter, if it lacks the state of the optimizer, or if it was trained on another base.
    pub(super) fn open(base: &Model, dir: &Path, runtime: &Runtime) -> Result<Self> {
        if !AdapterCheckpoint::is_at(dir) {
            bail!(
                Influence,
                "warm-up checkpoint `{}`: expected a directory with adapter_config.json",
                dir.display()
            );
        }
        let path = dir.join(MOMENTS);
        if !path.exists() {
            bail!(
                Influence,
                "warm-up checkpoint `{}`: expected AdamW's moments in `{MOMENTS}`, found none; `lobass train \
                 --method lora --trajectory` keeps it for every epoch",
                dir.display()
            );
        }
        check_record(base, dir)?;
        let model = base.open_tuned("warm-up", dir, runtime)?;
        check_prompted(&model)?;
        let learning_rate = AdamState::read(&path)?.learning_rate;
        Ok(Self { model, learning_rate, moments: lobass_data::fingerprint(&path)? })
    }

    fn load(&self) -> Result<WarmUp> {
        let state = AdamState::read(&self.model.dir().join(MOMENTS))?;
        WarmUp::new(self.model.load()?, state)
            .with_context(|| format!("warm-up checkpoint `{}`", self.model.dir().display()))
    }

    /// The checkpoint in a manifest: its path, digests, and learning rate.
    pub(super) fn record(&self) -> Value {
        let key = &self.model.key;
        json!({
            "path": key.path, "weights_digest": key.weights_digest, "optimizer": self.moments, "dtype": key.dtype,
            "device": key.device, "learning_rate": self.learning_rate,
        })
    }
}

/// Gradients on disk: one matrix for each shard of a plan and each checkpoint, for training rows and for targets.
#[derive(Debug)]
pub(super) struct GradientStore {
    /// The directory of all gradients.
    pub(super) dir: PathBuf,
    /// The random projection of each gradient.
    pub(super) projection: Projection,
    /// The number format on disk.
    pub(super) format: Format,
}

impl GradientStore {
    /// Computes the matrices that are missing, and loads the model only if there is one.
    ///
    /// # Errors
    /// If the model cannot be loaded or a matrix cannot be written.
    pub(super) fn complete(
        &self,
        warm_up: &WarmUpDir,
        target: &WorkDir,
        pool: &WorkDir,
        threads: usize,
        runtime: &Runtime,
    ) -> Result<()> {
        let mut missing: Vec<(&WorkDir, Kind, Shard)> = Vec::new();
        for (work, kind) in [(target, Kind::Target), (pool, Kind::Training)] {
            let shards = work.plan().shards.iter();
            missing.extend(
                shards
                    .filter(|shard| !self.file(warm_up, work, kind, **shard).exists())
                    .map(|&shard| (work, kind, shard)),
            );
        }
        let n_rows = target.plan().n_rows() + pool.plan().n_rows();
        let left: u64 = missing.iter().map(|(.., shard)| shard.n_rows).sum();
        if left == 0 {
            runtime.note(&format!("{:16} done before: {}", "gradients", warm_up.model.dir().display()));
            return Ok(());
        }
        let loaded = warm_up.load()?;
        let workers = Workers::for_model(loaded.model(), threads);
        let (before, facts) = (n_rows - left, [format!("of {}", warm_up.model.dir().display())]);
        let mut done = before;
        let report = |done| {
            runtime.progress(&StageProgress {
                stage: "gradients",
                unit: ProgressUnit::Rows,
                done,
                before,
                all: n_rows,
                n_tokens: 0,
                facts: &facts,
            });
        };
        report(done);
        for (work, kind, shard) in missing {
            runtime.go_on()?;
            self.compute(&loaded, warm_up, work, kind, shard, &workers)?;
            done += shard.n_rows;
            report(done);
        }
        Ok(())
    }

    fn compute(
        &self,
        loaded: &WarmUp,
        warm_up: &WarmUpDir,
        work: &WorkDir,
        kind: Kind,
        shard: Shard,
        workers: &Workers,
    ) -> Result<()> {
        let (rows, sequences): (Vec<u64>, Vec<Sequence>) = work.sequences_of(shard)?.into_iter().unzip();
        check_ids(loaded.model(), &sequences)?;
        let found = features(loaded, &sequences, kind, self.projection, workers);
        let mut found = rows.into_iter().zip(found).peekable();
        let path = self.file(warm_up, work, kind, shard);
        fs_err::create_dir_all(path.parent().unwrap_or(&self.dir))?;
        let dim = self.projection.width(loaded.n_values());
        let shape = Shape { n_rows: usize::try_from(shard.n_rows)?, dim };
        let metadata = json!({
            "plan": work.plan().id(), "shard": shard, "kind": name(kind), "checkpoint": warm_up.record(),
            "projection": {"dim": self.projection.dim, "seed": self.projection.seed},
        });
        let mut writer = MatrixWriter::create(&path, shape, self.format, &metadata.to_string())?;
        for row in shard.first_row..shard.first_row + shard.n_rows {
            let vector = found.next_if(|(found, _)| *found == row).and_then(|(_, vector)| vector);
            writer.push(vector.as_deref())?;
        }
        Ok(writer.finish()?)
    }

    /// The gradients of a shard under a checkpoint.
    pub(super) fn open(
        &self,
        warm_up: &WarmUpDir,
        work: &WorkDir,
        kind: Kind,
        shard: Shard,
    ) -> Result<Matrix> {
        Ok(Matrix::open(&self.file(warm_up, work, kind, shard))?)
    }

    /// The file of a shard. The name of its folder contains everything that the numbers depend on.
    fn file(&self, warm_up: &WarmUpDir, work: &WorkDir, kind: Kind, shard: Shard) -> PathBuf {
        let short = |digest: &str| digest.chars().take(16).collect::<String>();
        let key = &warm_up.model.key;
        let device = key.device.kind;
        let Projection { seed, dim } = self.projection;
        let folder = format!(
            "{}-{}-{}-{}-{}-{device}-{}-{seed}-{}",
            name(kind),
            short(&work.plan().id()),
            key.weights_digest.short(),
            short(&warm_up.moments),
            key.dtype,
            dim.unwrap_or_default(),
            self.format
        );
        self.dir.join(folder).join(format!("{:05}.safetensors", shard.id))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Training => "training",
        Kind::Target => "target",
    }
}
