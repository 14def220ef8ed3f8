//! The inputs of a run, opened and checked before anything is computed.

use std::path::{Path, PathBuf};

use lobass_core::{Detail, ModelRole};
use lobass_run::{Plan, WorkDir};
use lobass_select::Need;
use lobass_train::TrainConfig;

use super::directory::{SCORES, SETTINGS, WORK, check_directory, target};
use crate::error::{Context as _, Error, Result, bail};
use crate::faults::Faults;
use crate::hub::{find_model, pinned};
use crate::missing::Missing;
use crate::model::{Model, check_pair, with_template_of};
use crate::null::open_null;
use crate::place::told_in_dir;
use crate::reference::TrainingRecord;
use crate::references::{References, further};
use crate::runtime::Runtime;
use crate::selection::{Expected, check_data, check_tokenized};
use crate::sequences::check_model;
use crate::sequences::{Sequences, local_paths_of, open_further, open_pool};
use crate::settings::{DataSettings, Settings, TrainContext};

/// A run that can begin.
pub(super) struct Prepared {
    /// The settings, with commits in place of branches of the hub.
    pub(super) settings: Settings,
    pub(super) out: PathBuf,
    pub(super) base: Model,
    /// The reference, if it is not trained here.
    pub(super) reference: Option<Model>,
    /// The null model, if it is not trained here.
    pub(super) null: Option<Model>,
    /// Whether null models are trained here.
    trains_null: bool,
    /// The base in other roles.
    pub(super) further: Vec<Model>,
    pub(super) recipe: TrainConfig,
    pub(super) sequences: Sequences,
    pub(super) plan: Plan,
    /// Whether losses are kept per token, or as sums only.
    pub(super) detail: Detail,
    eval_paths: Vec<PathBuf>,
}

impl Prepared {
    /// Opens models and data, and checks everything that could stop the run later.
    pub(super) fn open(settings: &Settings, runtime: &Runtime) -> Result<Self> {
        let out = check_settings(settings)?;
        settings.eval.warn_of_no_effect(runtime);
        check_inputs(settings, runtime)?;
        let settings = pinned(settings, runtime)?;
        let mut faults = Faults::default();
        let base = settings.model.base.as_deref().unwrap_or(Path::new(""));
        let base = faults.take(Model::open_as("base", base, &settings.compute, runtime));
        let pool = faults.take(open_pool(&settings.data, runtime));
        if !settings.eval.files.is_empty() {
            let files = settings.eval.files.iter().map(|path| path.display().to_string()).collect();
            faults.take(open_further(&DataSettings { files, ..settings.data.clone() }, &runtime.silent()));
        }
        faults.take(check_directory(&out).and_then(|()| check_reference(&out, &settings)));
        let (base, pool) = faults.end_with(base.zip(pool))?;

        check_model(&out, &base.key)?;
        if settings.model.reference.is_none() {
            settings.train.check_for(base.checkpoint.spec(), &pool)?;
        }
        let checkpoint = &base.checkpoint;
        let recipe = settings.train.config_for(&base, runtime)?;
        let (dir, config) = (checkpoint.dir(), checkpoint.spec());
        let tuned =
            settings.model.reference.as_deref().map(|model| find_model(model, runtime)).transpose()?;
        let tuned = tuned.as_ref().map(|found| found.dir.as_path());
        let encode = with_template_of(&settings.sequences, dir, tuned, runtime)?;
        let sequences = Sequences::of(pool, &encode, dir, config, told(tuned, &out, runtime)?, runtime)?;
        let mut faults = Faults::default();
        let scores = out.join(SCORES);
        for strategy in &settings.select.strategies {
            faults.take(target(&out, strategy).check(&sequences.pool, &scores, &settings.select));
        }
        let given = settings.model.reference.as_deref();
        let reference = given.map(|dir| open_reference(&base, dir, &out, &sequences, runtime)).transpose();
        let reference = faults.take(reference).flatten();
        let needs = settings.select.needs(settings.select.strategies()?)?;
        let null = settings.model.null.as_deref();
        let null = null.map(|dir| open_given_null(&base, dir, &out, &sequences, runtime)).transpose();
        let null = faults.take(null).flatten();
        let needs_null = settings.reference.null || needs.contains(Need::Null);
        if needs_null && settings.model.reference.is_some() && settings.model.null.is_none() {
            faults.add(Error::Settings(NO_NULL.to_owned()));
        }
        let trains_null = needs_null && settings.model.reference.is_none();
        if trains_null && settings.train.dpo().is_some() {
            faults.add(Error::Settings(
                "a null model is trained as its reference is, without prompts: expected the objective sft, found one of \
                 preferences"
                    .to_owned(),
            ));
        }
        if trains_null {
            faults.take(sequences.unconditional());
        }
        let (unconditional, brier) = (needs.contains(Need::Unconditional), needs.contains(Need::Brier));
        let further = faults.take(further(&base, unconditional, brier, &sequences)).unwrap_or_default();
        faults.end()?;
        let plan = sequences.plan()?;
        let detail = Detail::Sum;
        let eval_paths = local_paths_of(&settings.eval.files, runtime)?;
        let mut prepared = Self {
            settings,
            out,
            base,
            reference,
            null,
            trains_null,
            further,
            recipe,
            sequences,
            plan,
            detail,
            eval_paths,
        };
        prepared.check(runtime)?;
        if needs.contains(Need::Tokens) {
            prepared.detail = Detail::PerToken;
        }
        Ok(prepared)
    }

    /// The references that the run trains.
    pub(super) fn references(&self) -> References<'_> {
        let Self { settings, recipe, base, sequences, plan, detail, out, eval_paths, .. } = self;
        let (detail, null) = (*detail, self.trains_null);
        References { settings, recipe, base, sequences, plan, null, detail, eval_paths, out }
    }

    /// Whether an interrupted training left a state that can be resumed.
    pub(super) fn has_state(&self) -> bool {
        self.reference.is_none() && self.references().has_state()
    }

    /// Checks settings against the rows.
    fn check(&self, runtime: &Runtime) -> Result<()> {
        let mut faults = Faults::default();
        let roles = self.roles();
        faults.take(check_data(&self.settings.select, &self.table(&roles)));
        if self.reference.is_none() {
            faults.take(self.references().check(runtime));
        }
        faults.end()
    }

    /// Checks that there are enough rows to train on, once they are tokenized.
    pub(super) fn check_trained(&self, work: &WorkDir) -> Result<()> {
        match self.reference {
            Some(_) => Ok(()),
            None => self.references().check_rows(work),
        }
    }

    /// Checks that a row may be chosen, as far as its tokens and its rating show it.
    pub(super) fn check_bounds(&self, work: &WorkDir) -> Result<()> {
        check_tokenized(&self.settings.select, &self.table(&self.roles()), work)
    }

    /// The roles of the models that the score table has beside the base.
    fn roles(&self) -> Vec<ModelRole> {
        match &self.reference {
            Some(reference) => {
                [reference].into_iter().chain(&self.null).map(|model| model.key.role.clone()).collect()
            }
            None => self.references().roles(),
        }
    }

    /// The score table that there will be.
    fn table<'a>(&'a self, roles: &'a [ModelRole]) -> Expected<'a> {
        let n_references = if self.reference.is_some() { 1 } else { self.references().count() };
        Expected { pool: &self.sequences.pool, inputs: &self.plan.inputs, roles, n_references }
    }
}

/// Checks the settings by themselves, and returns the run directory.
fn check_settings(settings: &Settings) -> Result<PathBuf> {
    let mut faults = Faults::default();
    let out = faults.expect(settings.out.clone(), "no run directory: name one with `--out DIR`");
    faults.expect(settings.model.base.as_ref(), "no model: name one with `--base MODEL`");
    faults.expect(settings.data.files.first(), "no data: name the pool with `--data FILE ..`");
    faults.take(settings.select.check(settings.select.strategies.iter().map(String::as_str)));
    faults.take(settings.reference.check());
    if settings.train.context != TrainContext::Prompt {
        faults.add(Error::Settings(
            "a run trains its references with prompts: expected the context prompt, found unconditional; `--with-null` \
             trains a null model with each reference"
                .to_owned(),
        ));
    }
    if settings.model.null.is_some() && settings.model.reference.is_none() {
        faults.add(Error::Settings(
            "`--null` needs `--reference`: a run that trains its reference also trains its null model (`--with-null`)"
                .to_owned(),
        ));
    }
    faults.take(settings.train.config(0));
    faults.end()?;
    Ok(out.unwrap_or_default())
}

/// Looks for every file and model that the settings name.
fn check_inputs(settings: &Settings, runtime: &Runtime) -> Result<()> {
    let Settings { model, data, sequences, eval, select, .. } = settings;
    let missing = Missing::default().models("base", &model.base).models("reference", &model.reference);
    let missing = missing.models("null model", &model.null);
    let eval: Vec<String> = eval.files.iter().map(|path| path.display().to_string()).collect();
    let missing = settings.out.iter().fold(missing, |missing, out| missing.apart(out, data));
    missing
        .data(data, runtime)
        .further_data("evaluation file", &eval, runtime)
        .sequences(sequences)
        .select(select)
        .end()
}

/// The time that the chat template was rendered with: by an interrupted run, or when the reference was trained.
fn told(tuned: Option<&Path>, out: &Path, runtime: &Runtime) -> Result<Option<String>> {
    match (told_in_dir(&out.join(WORK), runtime)?, tuned) {
        (None, Some(tuned)) => Ok(TrainingRecord::read(tuned)?.and_then(|record| record.told())),
        (told, _) => Ok(told),
    }
}

/// Why a run with a given reference has no null model.
const NO_NULL: &str = "expected a null model beside the reference that is given, found none; train one with `lobass train \
                       --context unconditional`, and name it with `--null`";

fn open_given_null(
    base: &Model,
    dir: &Path,
    out: &Path,
    sequences: &Sequences,
    runtime: &Runtime,
) -> Result<Model> {
    let null = open_null(base, dir, sequences, runtime)?;
    check_model(out, &null.key)?;
    Ok(null)
}

fn open_reference(
    base: &Model,
    dir: &Path,
    out: &Path,
    sequences: &Sequences,
    runtime: &Runtime,
) -> Result<Model> {
    let reference = base.open_tuned("reference", dir, runtime)?;
    check_model(out, &reference.key)?;
    check_pair(base, &reference, sequences.encoder.tokenizer(), runtime)?;
    Ok(reference)
}

/// Refuses a run directory that trained its reference if one is given now, and the other way round. Its table,
/// selections, and page would be replaced by those of another reference.
fn check_reference(out: &Path, settings: &Settings) -> Result<()> {
    let record = out.join(SETTINGS);
    if !record.exists() || !out.join(SCORES).exists() {
        return Ok(());
    }
    let earlier: Settings = toml::from_str(&fs_err::read_to_string(&record)?)
        .with_context(|| format!("settings `{}`", record.display()))?;
    let kind = |settings: &Settings| match settings.model.reference {
        Some(_) => "a reference that was given",
        None => "a reference that it trained",
    };
    let (expected, found) = (kind(&earlier), kind(settings));
    if expected != found {
        bail!(
            Run,
            "`{}`: expected {expected}, which its score table was made with, found {found}; use another run directory",
            out.display()
        );
    }
    Ok(())
}
