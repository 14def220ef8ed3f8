//! Samples of a model after the prompts of a pool, with their losses, and pairs of them with the demonstrations.

mod check;
mod pairs;
mod report;
mod stop;

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_generate::Generator;
use lobass_run::{
    DrawnBy, Location, ModelKey, Part, Plan, SampleFile, SampleManifest, SampleSet, Slice, WorkDir,
};

use crate::error::{Error, Result, bail};
use crate::missing::Missing;
use crate::model::{Model, with_template_of};
use crate::outputs::work_beside;
use crate::place::told_in;
use crate::runtime::Runtime;
use crate::sequences::{Sequences, open_pool};
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings, SamplingSettings};
pub use crate::unused::{Unused, UnusedRows};
use crate::{outputs, progress, scoring};
pub(crate) use check::check_settings;
pub use pairs::PairCounts;
pub use report::GenerationReport;
pub(crate) use stop::stop_ids;

/// Samples that are to be drawn.
#[derive(Debug, Clone)]
pub struct GenerateJob<'a> {
    /// The model that draws: a checkpoint, or with a base also an adapter.
    pub model: &'a Path,
    /// The base. Samples also get their losses under it.
    pub base: Option<&'a Path>,
    /// A fine-tuned base, a checkpoint or an adapter. Samples also get their losses under it.
    pub reference: Option<&'a Path>,
    /// The pool, whose prompts are continued.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The number format and the threads.
    pub compute: &'a ComputeSettings,
    /// How samples are drawn.
    pub sampling: &'a SamplingSettings,
    /// The rows whose prompts are continued; `None` for all.
    pub slice: Option<Slice>,
    /// A file for pairs of demonstrations and samples.
    pub pairs: Option<&'a Path>,
    /// A work directory that keeps tokens and samples. `None` keeps them beside `out` until the file is written.
    pub work: Option<&'a Location>,
    /// The part of the work that this process does; `None` does all of it, and writes the files.
    pub part: Option<Part>,
    /// The file of the samples.
    pub out: &'a Path,
}

/// Models and rows of a job, checked.
struct Opened {
    model: Model,
    under: Vec<Model>,
    sequences: Sequences,
    set: SampleSet,
    place: Location,
}

impl GenerateJob<'_> {
    /// Draws the samples that are missing, computes their losses, and writes the files. An interrupted call is repeated to
    /// go on. If `out` already holds these samples, nothing is drawn again.
    ///
    /// # Errors
    /// If a model or the data cannot be opened, `out` holds something else, or the observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<GenerationReport> {
        let opened = self.open(runtime)?;
        let plan = opened.sequences.plan()?;
        if let Some(report) = self.done_before(&opened, &plan, runtime)? {
            return Ok(report);
        }
        let threads = self.compute.threads();
        if self.work.is_none() {
            scoring::remove_idle(&work_beside(self.out), &plan, runtime)?;
        }
        let work = scoring::encode(&opened.sequences, &plan, &opened.place, threads, runtime)?;
        let part = self.part.unwrap_or(Part::ALL);
        let positions = opened.model.checkpoint.spec().max_positions;
        check::warn_of_long(&work, &opened.set.by, positions, runtime)?;
        generate(&work, &opened.model, &opened.set.by, part, threads, runtime)?;
        for model in &opened.under {
            score_samples(&work, model, &opened.set.by, part, threads, runtime)?;
        }
        if self.part.is_some() {
            return Ok(GenerationReport::default());
        }
        let unused = crate::unused::of_work(&opened.sequences, &work, self.slice)?;
        // Pairs first: a file of samples means that everything is done.
        let pairs = self.write_pairs(&work, &opened)?;
        let manifest = self.write(&work, &opened)?;
        if self.work.is_none() {
            work.remove()?;
        }
        Ok(self.report(manifest, unused, pairs))
    }

    fn report(
        &self,
        manifest: SampleManifest,
        unused: Unused,
        pairs: Option<(PathBuf, PairCounts)>,
    ) -> GenerationReport {
        GenerationReport { samples: Some(self.out.to_owned()), manifest: Some(manifest), unused, pairs }
    }

    fn open(&self, runtime: &Runtime) -> Result<Opened> {
        let mut missing = Missing::default().model("sampling", self.model);
        for (role, path) in [("base", self.base), ("reference", self.reference)] {
            missing = path.iter().fold(missing, |missing, path| missing.model(role, path));
        }
        missing.data(self.data, runtime).apart(self.out, self.data).sequences(self.sequences).end()?;
        outputs::check_ending(self.out, &["parquet"])?;
        if self.part.is_some() && self.work.is_none() {
            bail!(Settings, "a part of the work needs a place that all parts share: `--work`");
        }
        check_settings(self.sampling, self.sequences, self.compute)?;
        let base = self.base.map(|base| Model::open_as("base", base, self.compute, runtime)).transpose()?;
        let model = match &base {
            Some(base) => base.open_tuned("model", self.model, runtime)?,
            None => Model::open_as("model", self.model, self.compute, runtime)?,
        };
        let reference = self.reference.map(|reference| match &base {
            Some(base) => base.open_tuned("reference", reference, runtime),
            None => Model::open_as("reference", reference, self.compute, runtime),
        });
        let reference = reference.transpose()?;
        let pool = open_pool(self.data, runtime)?;
        let home = base.as_ref().unwrap_or(&model);
        let encode = with_template_of(self.sequences, home.dir(), Some(model.dir()), runtime)?;
        let place = self.work.cloned().unwrap_or_else(|| work_beside(self.out).as_path().into());
        let told = match told_in(&place, runtime)? {
            None if self.out.exists() => SampleFile::open(self.out)?.manifest().template.now.clone(),
            told => told,
        };
        let spec = model.checkpoint.spec();
        let sequences = Sequences::of(pool, &encode, home.dir(), spec, told, runtime)?;
        let stop_ids = stop_ids(&sequences.encoder, model.dir(), spec)?;
        if stop_ids.is_empty() {
            runtime.warn("neither the template nor the model names a token that ends a response: every sample goes to the limit");
        }
        let sampling = self.sampling.with_stops(stop_ids)?;
        let by = DrawnBy { model: model.key.clone(), sampling, slice: self.slice };
        let under: Vec<Model> = base.into_iter().chain(reference).collect();
        let set = SampleSet { by, under: under.iter().map(|model| model.key.clone()).collect() };
        self.check_outputs(&sequences)?;
        Ok(Opened { model, under, sequences, set, place })
    }

    fn check_outputs(&self, sequences: &Sequences) -> Result<()> {
        let written: Vec<_> =
            [Some(self.out), self.pairs].into_iter().flatten().map(Path::to_owned).collect();
        outputs::check_for_pool(&written, &sequences.pool)
    }

    fn write(&self, work: &WorkDir, opened: &Opened) -> Result<SampleManifest> {
        let tokenizer = opened.sequences.encoder.tokenizer();
        // Text is for people; tokens are what counts.
        let text = |ids: &[u32]| tokenizer.decode(ids).unwrap_or_default();
        Ok(work.write_samples(&opened.set, &text, self.out)?)
    }

    fn write_pairs(&self, work: &WorkDir, opened: &Opened) -> Result<Option<(PathBuf, PairCounts)>> {
        let Some(path) = self.pairs else { return Ok(None) };
        let counts = pairs::write_pairs(&opened.sequences, work, &opened.set.by, path)?;
        Ok(Some((path.to_owned(), counts)))
    }

    /// The report of a file that exists, if it is this one and no pairs are asked for.
    ///
    /// # Errors
    /// If the file holds other samples.
    fn done_before(
        &self,
        opened: &Opened,
        plan: &Plan,
        runtime: &Runtime,
    ) -> Result<Option<GenerationReport>> {
        if !self.out.exists() || self.part.is_some() {
            return Ok(None);
        }
        let found = SampleFile::open(self.out)?.manifest().clone();
        let nameless = |by: &DrawnBy| DrawnBy { model: without_path(&by.model), ..by.clone() };
        let same = found.plan == plan.id()
            && nameless(&found.drawn_by) == nameless(&opened.set.by)
            && found.models.iter().map(without_path).eq(opened.set.under.iter().map(without_path));
        if !same {
            bail!(
                Output,
                "`{}` holds samples of other data, another model, or other settings; remove it or use another name",
                self.out.display()
            );
        }
        if self.pairs.is_some_and(|pairs| !pairs.exists()) {
            return Ok(None);
        }
        runtime.note(&format!("{:16} done before: {}", "generate", self.out.display()));
        let threads = self.compute.threads();
        let unused = crate::unused::of_plan(&opened.sequences, plan.clone(), self.slice, threads, runtime)?;
        Ok(Some(self.report(found, unused, None)))
    }
}

fn without_path(key: &ModelKey) -> ModelKey {
    ModelKey { path: String::new(), ..key.clone() }
}

/// Draws the samples that are missing. The model is loaded only if any are.
///
/// # Errors
/// If the model cannot be loaded or cannot draw samples, a unit cannot be written, or the observer asks to stop.
pub fn generate(
    work: &WorkDir,
    model: &Model,
    by: &DrawnBy,
    part: Part,
    threads: usize,
    runtime: &Runtime,
) -> Result<()> {
    let n_rows = work.plan().n_rows();
    if work.is_generated(by)? {
        runtime.note(&format!("{:16} done before: {}", "generate", counted(n_rows, "row")));
        return Ok(());
    }
    let generator =
        Generator::new(model.load()?, threads).map_err(|error| Error::Settings(error.to_string()))?;
    let observe = &mut progress::stage(runtime, "generate".to_owned(), n_rows);
    let mut goes_on = |_| !runtime.is_interrupted();
    runtime.stopped(work.generate_while(by, &generator, part, &mut goes_on, observe))
}

/// Computes the losses of samples under a model, where they are missing.
///
/// # Errors
/// If the model cannot be loaded, a unit cannot be written, or the observer asks to stop.
pub fn score_samples(
    work: &WorkDir,
    model: &Model,
    by: &DrawnBy,
    part: Part,
    threads: usize,
    runtime: &Runtime,
) -> Result<()> {
    if work.are_samples_scored(by, &model.key)? {
        return Ok(());
    }
    let engine = model.engine(threads, runtime)?;
    let stage = format!("samples {}", model.key.role);
    let observe = &mut progress::stage(runtime, stage, work.plan().n_rows());
    let mut goes_on = |_| !runtime.is_interrupted();
    runtime.stopped(work.score_samples_while(by, &model.key, &engine, part, &mut goes_on, observe))
}
