//! Planning: the shards of a pool, a job for workers, and the time and cost of scoring.

mod job;
mod measure;
mod pass;
mod price;
mod training;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use lobass_core::ModelRole;
use lobass_core::readable::{Labelled, bytes, counted};
use lobass_loss::limits;
use lobass_model::{Checkpoint, DecoderSpec, Dtype, LoraConfig};
use lobass_run::{Job, Location, Plan, WorkDir};
use lobass_train::TrainConfig;
use serde::Serialize;

use self::job::Models;
use self::measure::Subject;
use self::training::Trained;
use crate::error::Result;
use crate::hub::find_model;
use crate::missing::Missing;
use crate::model::{Pieces, ScoringMemory, TrainingMemory, with_template_of};
use crate::place::told_in;
use crate::runtime::Runtime;
use crate::scoring;
use crate::sequences::Sequences;
use crate::settings::{DataSettings, EncodeSettings};

pub use job::JobSettings;
pub use pass::PassWork;
pub use price::{Price, PriceSettings, RateSource};
pub use training::TrainingTime;

/// A pool that is to be planned.
#[derive(Debug, Clone)]
pub struct PlanJob<'a> {
    /// The base: a checkpoint directory or a hub id. Without a job and a measurement, its weights are not read.
    pub base: &'a Path,
    /// The data files.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The work directory that is to have the token ids and the job.
    pub work: Option<&'a Location>,
    /// A job for workers, in the work directory.
    pub job: Option<JobSettings<'a>>,
    /// Whether the work of a pass over the pool is counted, which tokenizes it.
    pub explain: bool,
    /// The time and the cost of the job; needs `explain`.
    pub price: Option<PriceSettings>,
    /// Threads; at least 1.
    pub threads: usize,
}

/// The report of a plan.
#[derive(Debug, Serialize)]
pub struct PlanReport {
    /// The id of the plan.
    pub plan: String,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Shards of the pool.
    pub n_shards: usize,
    /// The id of the job, if there is one.
    pub job: Option<String>,
    /// The roles of the models of the job.
    #[serde(skip)]
    pub models: Vec<ModelRole>,
    /// The work of a pass with one model, if it was counted.
    pub work: Option<PassWork>,
    /// The memory for scoring in f32 and in bf16, if the work was counted.
    pub memory: Option<[(Dtype, ScoringMemory); 2]>,
    /// The memory for training an adapter with default settings, in f32 and in bf16, if the work was counted.
    pub training: Option<[(Dtype, TrainingMemory); 2]>,
    /// Bytes of weights that a pass reads from disk, if the measured model does not fit into a limit on memory.
    pub n_read: Option<u64>,
    /// The time and the cost, if there is a rate.
    pub price: Option<Price>,
    /// The time of training an adapter with default settings, if there is a rate and it fits into the limit on memory.
    pub training_time: Option<TrainingTime>,
}

impl PlanJob<'_> {
    /// Reads the pool once, tokenizes it if that is needed, and writes a job for workers if one is asked for.
    ///
    /// # Errors
    /// If models or data cannot be opened, the models are not a pair, the work directory belongs to another plan, or the
    /// observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<PlanReport> {
        let job = self.job.as_ref();
        let tuned = job.and_then(|job| job.reference);
        let missing = Missing::default().model("base", self.base).models("reference", tuned);
        missing.data(self.data, runtime).sequences(self.sequences).end()?;
        let models = job.map(|job| Models::open(self.base, job, runtime)).transpose()?;
        let checkpoint = match &models {
            Some(models) => Arc::clone(&models.base.checkpoint),
            None => Arc::new(Checkpoint::open(&find_model(self.base, runtime)?.dir)?),
        };
        let told = self.work.map(|work| told_in(work, runtime)).transpose()?.flatten();
        let tuned = models.as_ref().and_then(Models::tuned);
        let encode = with_template_of(self.sequences, checkpoint.dir(), tuned, runtime)?;
        let config = checkpoint.spec();
        let sequences = Sequences::open(self.data, &encode, checkpoint.dir(), config, told, runtime)?;
        if let Some(models) = &models {
            models.check(&sequences, runtime)?;
        }
        let plan = sequences.plan()?;
        let mut report = PlanReport::of(&plan);
        if !self.explain && self.work.is_none() {
            return Ok(report);
        }
        let scratch = tempfile::tempdir()?;
        let place = self.work.cloned().unwrap_or_else(|| scratch.path().join("work").as_path().into());
        let work = scoring::encode(&sequences, &plan, &place, self.threads, runtime)?;
        if let Some((models, job)) = models.zip(job) {
            report = report.with_job(&models.job(job, &sequences, &work, runtime)?);
        }
        if self.explain {
            self.explain(config, &work, &mut report, runtime)?;
        }
        Ok(report)
    }

    /// The work of a pass, the memory, and the price if it is asked for.
    fn explain(
        &self,
        config: &DecoderSpec,
        work: &WorkDir,
        report: &mut PlanReport,
        runtime: &Runtime,
    ) -> Result<()> {
        let subject = match self.price.as_ref().map(|price| &price.rate) {
            Some(RateSource::Measured { compute, .. }) => Some(Subject::load(self.base, compute, runtime)?),
            _ => None,
        };
        let limits = subject.as_ref().map_or_else(|| limits(config, self.threads), Subject::limits);
        let pass = PassWork::of(work, &limits, self.threads)?;
        if let Some(price) = &self.price {
            report.price = Price::of(price, &pass, subject.as_ref(), work, runtime)?;
        }
        let measured = subject.as_ref().map(Subject::placed);
        report.n_read =
            subject.and_then(|subject| subject.bytes_of_round()).map(|bytes| bytes * pass.n_rounds);
        let dtypes = [Dtype::F32, Dtype::Bf16];
        report.memory = Some(dtypes.map(|dtype| (dtype, ScoringMemory::of(config, dtype, self.threads))));
        let tokens = usize::try_from(pass.n_longest).unwrap_or(usize::MAX);
        let tokens = tokens.max(TrainConfig::default().micro_batch_tokens);
        let pieces = Pieces { lora: &LoraConfig::default(), tokens, threads: self.threads };
        report.training = Some(dtypes.map(|dtype| (dtype, TrainingMemory::of(config, dtype, pieces))));
        if let Some(price) = &report.price {
            let (dtype, memory) = measured.unwrap_or((Dtype::F32, None));
            let trained = Trained { spec: config, dtype, memory, pieces };
            report.training_time = TrainingTime::of(trained, &pass, report.n_rows, price.rows_per_second());
        }
        report.work = Some(pass);
        Ok(())
    }
}

impl PlanReport {
    fn of(plan: &Plan) -> Self {
        let (n_rows, n_shards) = (plan.n_rows(), plan.shards.len());
        Self {
            plan: plan.id(),
            n_rows,
            n_shards,
            job: None,
            models: Vec::new(),
            work: None,
            memory: None,
            training: None,
            n_read: None,
            price: None,
            training_time: None,
        }
    }

    fn with_job(self, job: &Job) -> Self {
        let models = job.models().map(|model| model.role.clone()).collect();
        Self { job: Some(job.id()), models, ..self }
    }
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("plan", &self.plan[..16]);
        let shards = counted(self.n_shards as u64, "shard");
        text.line("pool", format!("{} in {shards}", counted(self.n_rows, "row")));
        if let Some(job) = &self.job {
            let units = counted((self.models.len() * self.n_shards) as u64, "unit");
            let models: Vec<String> = self.models.iter().map(ModelRole::to_string).collect();
            text.line("job", format!("{job}: {units} for {}", models.join(" and ")));
        }
        if let Some(work) = &self.work {
            work.describe(&mut text);
        }
        for (dtype, memory) in self.memory.iter().flatten() {
            let (weights, least) = (bytes(memory.weights), bytes(memory.least()));
            text.line("memory", format!("weights in {dtype}: {weights}; `--memory` of {least} at least"));
        }
        for (dtype, memory) in self.training.iter().flatten() {
            let (whole, least) = (bytes(memory.whole()), bytes(memory.least()));
            text.line("memory", format!("training LoRA in {dtype}: {whole}; `--memory` of {least} at least"));
        }
        if let Some(n_read) = self.n_read {
            text.line(
                "reading",
                format!(
                    "{} of layers from disk, for each model, or once for a base and its adapter",
                    bytes(n_read)
                ),
            );
        }
        if let Some(price) = &self.price {
            price.describe(&mut text);
        }
        if let Some(time) = &self.training_time {
            time.describe(&mut text);
        }
        text.fmt(f)
    }
}
