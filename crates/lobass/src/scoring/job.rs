//! Scoring files into a table on disk.

use std::path::{Path, PathBuf};

use lobass_core::readable::counted;
use lobass_core::{ColumnSet, Detail, Observer as _};
use lobass_run::{EmbeddingFile, EmbeddingOptions, Location, ModelKey, Plan, ScoreFile, Seal, WorkDir};

use super::{Fleet, FleetModels, clean_up, encode, encode_and_score, remove_idle, score, score_pair};
use crate::embedding::{self, check_embeddings, write_embeddings};
use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::model::{Model, Placement, check_adapter, check_pair, with_template_of};
use crate::null::open_null;
use crate::outputs::{self, work_beside};
use crate::place::told_in;
use crate::reference::TrainingRecord;
use crate::references::{further, given};
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings};
use crate::table::{TableFormat, TableReport, write_table};

/// A score table that is to be made from files.
#[derive(Debug)]
pub struct ScoreJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// How rows become sequences.
    pub sequences: &'a EncodeSettings,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// The base: a checkpoint directory, or a model of the hub.
    pub base: &'a Path,
    /// The fine-tuned base: a checkpoint or an adapter.
    pub tuned: Option<&'a Path>,
    /// Whether the fine-tuned model has to be an adapter.
    pub is_adapter: bool,
    /// The null model: the base after training on responses without their prompts, a checkpoint or an adapter.
    pub null: Option<&'a Path>,
    /// Whether the loss of every scored token is kept.
    pub detail: Detail,
    /// Whether the base also scores responses without their prompts.
    pub unconditional: bool,
    /// Whether the base is also judged by the Brier loss.
    pub brier: bool,
    /// A file for the vectors of the rows, which the base makes in the same pass.
    pub embeddings: Option<(&'a Path, EmbeddingOptions)>,
    /// Devices that score at the same time, each in a worker process; empty for the one of `compute`.
    pub devices: &'a [String],
    /// Where finished work is kept; without it, beside the table until that is done.
    pub work: Option<&'a Location>,
    /// The table: Parquet, or JSON lines by its name.
    pub out: &'a Path,
}

/// Models, rows, and plan of a job, checked.
struct Opened {
    base: Model,
    reference: Option<Model>,
    further: Vec<Model>,
    null: Option<Model>,
    sequences: Sequences,
    plan: Plan,
    place: Location,
    threads: usize,
}

impl ScoreJob<'_> {
    /// Scores the rows that are not scored yet, and writes the table. `None` if workers died and rows are left: the
    /// same call continues with them. If the table exists already and is this one, it is only reported.
    ///
    /// # Errors
    /// If data, models, or settings do not fit together, or a table of other ones exists. If a device fails or the
    /// observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<Option<TableReport>> {
        let format = TableFormat::of(self.out, self.detail)?;
        self.check_inputs(runtime)?;
        let opened = self.open(runtime)?;
        if self.out.exists() {
            let report = self.done_before(&opened, runtime)?;
            if self.work.is_none() {
                clean_up(&self.beside(), opened.plan, runtime)?;
            }
            return Ok(Some(report));
        }
        let Some((work, seal)) = self.score(&opened, runtime)? else { return Ok(None) };
        if let Some((file, options)) = self.embeddings.filter(|(file, _)| !file.exists()) {
            let vectors = write_embeddings(&work, &opened.base, options, file)?;
            let n_present = counted(vectors.n_present, "row");
            runtime.note(&format!("{:16} {}: {n_present} with a vector", "embeddings", file.display()));
        }
        let report = write_table(&work, &seal, 0, self.out, format, runtime)?;
        if self.work.is_none() {
            work.remove()?;
        }
        TableReport::new(self.out, &report.manifest, &report.reasons, opened.threads).map(Some)
    }

    fn check_inputs(&self, runtime: &Runtime) -> Result<()> {
        let role = if self.is_adapter { "adapter" } else { "reference" };
        let missing = Missing::default().model("base", self.base).models(role, self.tuned);
        let missing = missing.models("null model", self.null);
        missing.data(self.data, runtime).apart(self.out, self.data).sequences(self.sequences).end()
    }

    fn beside(&self) -> PathBuf {
        work_beside(self.out)
    }

    /// Opens and checks everything before anything is computed.
    fn open(&self, runtime: &Runtime) -> Result<Opened> {
        let base = Model::open_on("base", self.base, Placement::here(self.compute, runtime)?, runtime)?;
        if let Some(adapter) = self.tuned.filter(|_| self.is_adapter) {
            check_adapter(adapter, runtime)?;
        }
        let reference = self.tuned.map(|dir| base.open_tuned("reference", dir, runtime)).transpose()?;
        let place = self.work.cloned().unwrap_or_else(|| self.beside().as_path().into());
        let told = self.told(&place, reference.as_ref(), runtime)?;
        let tuned = reference.as_ref().map(Model::dir);
        let encode = with_template_of(self.sequences, base.dir(), tuned, runtime)?;
        let config = base.checkpoint.spec();
        let sequences = Sequences::open(self.data, &encode, base.dir(), config, told, runtime)?;
        if let Some(reference) = &reference {
            check_pair(&base, reference, sequences.encoder.tokenizer(), runtime)?;
        }
        let further = further(&base, self.unconditional, self.brier, &sequences)?;
        let null = self.null.map(|dir| open_null(&base, dir, &sequences, runtime)).transpose()?;
        let plan = sequences.plan()?;
        if let Some((file, options)) = self.embeddings {
            outputs::check(&[self.out.to_owned(), file.to_owned()], &[])?;
            self.check_embeddings(file, options, &plan, &base.key)?;
        }
        let threads = self.compute.threads();
        Ok(Opened { base, reference, further, null, sequences, plan, place, threads })
    }

    /// The losses of all models in the work directory; `None` if workers left some rows.
    fn score(&self, opened: &Opened, runtime: &Runtime) -> Result<Option<(WorkDir, Seal)>> {
        let Opened { base, reference, further, null, sequences, plan, place, threads } = opened;
        let (detail, threads) = (self.detail, *threads);
        if self.work.is_none() {
            remove_idle(&self.beside(), plan, runtime)?;
        }
        let sealed =
            |work: &WorkDir| given(base, reference.as_ref(), further, null.as_ref(), work, detail, runtime);
        if !self.devices.is_empty() {
            let work = encode(sequences, plan, place, threads, runtime)?;
            let seal = sealed(&work)?;
            let dirs = FleetModels {
                base: base.dir(),
                reference: reference.as_ref().map(Model::dir),
                null: null.as_ref().map(Model::dir),
            };
            let fleet = Fleet { place, devices: self.devices, threads, dirs, runtime };
            let is_whole = fleet.run(&work, &work.put_job(seal.clone())?)?;
            return Ok(is_whole.then_some((work, seal)));
        }
        let tuned = reference.as_ref();
        let is_pair = tuned.is_some_and(|tuned| base.reads_layers_of(tuned, threads));
        let work = if self.embeddings.is_some() {
            let work = encode(sequences, plan, place, threads, runtime)?;
            embedding::embed(&work, base, Some(detail), threads, runtime)?;
            work
        } else if is_pair {
            let work = encode(sequences, plan, place, threads, runtime)?;
            score_pair(&work, base, tuned, detail, threads, runtime)?;
            work
        } else {
            encode_and_score(sequences, plan, place, base, detail, threads, runtime)?
        };
        let tuned = tuned.filter(|_| !is_pair || self.embeddings.is_some());
        for model in tuned.into_iter().chain(further).chain(null) {
            score(&work, model, detail, threads, runtime)?;
        }
        let seal = sealed(&work)?;
        Ok(Some((work, seal)))
    }

    /// Vectors are written before the table. So a table without them was made by a call that asked for none, and vectors
    /// that are there have to be these.
    fn check_embeddings(
        &self,
        file: &Path,
        options: EmbeddingOptions,
        plan: &Plan,
        base: &ModelKey,
    ) -> Result<()> {
        match (file.exists(), self.out.exists()) {
            (true, _) => check_embeddings(&EmbeddingFile::open(file)?, plan, base, options),
            (false, false) => Ok(()),
            (false, true) => bail!(
                Table,
                "`{}` is there and `{}` is not: `lobass embed` makes the vectors of a table that is done",
                self.out.display(),
                file.display()
            ),
        }
    }

    /// The time that templates saw before: in an interrupted call, in the table that is there, or in the reference's
    /// training.
    fn told(&self, work: &Location, reference: Option<&Model>, runtime: &Runtime) -> Result<Option<String>> {
        if let Some(told) = told_in(work, runtime)? {
            return Ok(Some(told));
        }
        if self.out.exists() {
            return Ok(ScoreFile::open(self.out)?.manifest().template.now.clone());
        }
        let record = reference.map(|model| TrainingRecord::read(model.dir())).transpose()?.flatten();
        Ok(record.as_ref().and_then(TrainingRecord::told))
    }

    /// The existing table, if it is this one.
    fn done_before(&self, opened: &Opened, runtime: &Runtime) -> Result<TableReport> {
        let table = ScoreFile::open(self.out)?;
        let found = table.manifest();
        let digest = |key: &ModelKey| (key.role.clone(), key.weights_digest.clone(), key.dtype);
        let scored_by: Vec<_> = found.models.iter().map(|record| record.key().map(digest)).collect();
        let models = std::iter::once(&opened.base).chain(&opened.reference).chain(&opened.further);
        let models = models.chain(&opened.null);
        let same = found.plan == opened.plan.id()
            && scored_by == models.map(|model| Some(digest(&model.key))).collect::<Vec<_>>()
            && found.per_token == (self.detail == Detail::PerToken);
        if !same {
            bail!(
                Table,
                "`{}` was made from other data, models, or settings; remove it or use another name",
                self.out.display()
            );
        }
        runtime.note(&format!("{:16} done before: {}", "table", self.out.display()));
        let columns = table.columns(&ColumnSet::default(), 0, opened.threads)?;
        TableReport::new(self.out, found, &columns.reasons, opened.threads)
    }
}
