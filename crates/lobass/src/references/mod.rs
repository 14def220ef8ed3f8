//! The references of a run: one, or one per seed and fold. Each is trained once. Null models go with them.

mod report;

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_core::{Context, Detail, Measure, ModelRole, Reference};
use lobass_run::{Folds, HeldOut, NullModels, Plan, ReferenceMode, ReferenceModel, Seal, Unseen, WorkDir};
use lobass_train::TrainConfig;

use crate::error::{Result, bail};
use crate::faults::Faults;
use crate::model::{Model, check_pair};
use crate::null::{given_null, open_null_as};
use crate::reference::Part;
use crate::reference::{
    TrainRequest, check_memory, check_rows, epoch_dir, has_state, train_reference, trained_before,
};
use crate::reference::{Trained, TrainingRecord};
use crate::runtime::Runtime;
use crate::scoring::score;
use crate::sequences::Sequences;
use crate::settings::{ModeName, ReferenceSettings, Settings};

pub(crate) use report::ReferenceReport;

/// One reference or null model that a run needs.
struct Planned {
    /// Which it is among several.
    which: Reference,
    is_null: bool,
    dir: PathBuf,
    seed: u64,
    fold: Option<usize>,
}

impl Planned {
    fn role(&self) -> ModelRole {
        if self.is_null { ModelRole::Null(self.which) } else { ModelRole::Reference(self.which) }
    }

    /// The role of the model after an epoch.
    fn role_of_epoch(&self, epoch: u32) -> ModelRole {
        ModelRole::Reference(Reference { epoch: Some(epoch), ..self.which })
    }
}

/// The references of a run: one, or one per seed and fold.
#[derive(Debug)]
pub(crate) struct References<'a> {
    /// The settings of the run.
    pub(crate) settings: &'a Settings,
    /// The recipe.
    pub(crate) recipe: &'a TrainConfig,
    /// The base.
    pub(crate) base: &'a Model,
    /// The pool and its encoder.
    pub(crate) sequences: &'a Sequences,
    /// The plan of the pool.
    pub(crate) plan: &'a Plan,
    /// Whether null models are trained too, each as a reference is, on responses without their prompts.
    pub(crate) null: bool,
    /// Whether losses are kept per token, or as sums only.
    pub(crate) detail: Detail,
    /// The files of further held-out rows.
    pub(crate) eval_paths: &'a [PathBuf],
    /// The run directory.
    pub(crate) out: &'a Path,
}

impl References<'_> {
    /// The roles of all models that are trained: the references, the models of their epochs if these are kept, and null
    /// models.
    pub(crate) fn roles(&self) -> Vec<ModelRole> {
        let of_one = |planned: Planned| {
            let epochs = self.epochs(&planned).map(|epoch| planned.role_of_epoch(epoch)).collect::<Vec<_>>();
            std::iter::once(planned.role()).chain(epochs)
        };
        self.planned().into_iter().flat_map(of_one).collect()
    }

    /// The number of references.
    pub(crate) fn count(&self) -> usize {
        self.planned().iter().filter(|planned| !planned.is_null).count()
    }

    /// Whether an interrupted training left a state that can be resumed.
    pub(crate) fn has_state(&self) -> bool {
        self.planned().iter().any(|planned| has_state(&planned.dir))
    }

    /// Refuses directories that hold other models.
    ///
    /// # Errors
    /// If a directory of a reference holds something else, or if a limit on memory is too small.
    pub(crate) fn check(&self, runtime: &Runtime) -> Result<()> {
        let mut faults = Faults::default();
        faults.take(self.base.check_start(&self.settings.train, runtime));
        for planned in self.planned() {
            faults.take(self.request(&planned, trained_before));
        }
        if let Some(planned) = self.planned().first() {
            faults.take(self.request(planned, check_memory));
        }
        faults.end()
    }

    /// Checks that every training takes at least one step. Rows must be tokenized.
    ///
    /// # Errors
    /// If there are too few rows for a reference.
    pub(crate) fn check_rows(&self, work: &WorkDir) -> Result<()> {
        // A seed changes no number of rows.
        for planned in self.planned().into_iter().filter(|planned| planned.seed == self.recipe.seed) {
            self.request(&planned, |request| match trained_before(request)? {
                Some(_) => Ok(()),
                None => check_rows(request, work),
            })?;
        }
        Ok(())
    }

    /// Trains the references that are missing, scores every row with each, and returns the models of the table.
    ///
    /// # Errors
    /// If a training or a pass fails, or the observer asks to stop.
    pub(crate) fn train_and_score(&self, work: &WorkDir, runtime: &Runtime) -> Result<Seal> {
        let settings = &self.settings.reference;
        let mut seal = Seal { detail: self.detail, ..Seal::new(self.base.key.clone(), Vec::new()) };
        seal.mode = match settings.mode {
            ModeName::FullPool => ReferenceMode::FullPool,
            ModeName::CrossFit => ReferenceMode::CrossFit,
            ModeName::Holdout => ReferenceMode::Holdout,
        };
        if settings.mode == ModeName::CrossFit {
            seal.folds = Some(Folds { n_folds: settings.folds(), seed: self.recipe.seed });
        }
        let mut nulls = Vec::new();
        for planned in self.planned() {
            let trained = self.train(&planned, work, runtime)?;
            let opened = self.open_trained(&planned, runtime)?;
            self.score(&opened, work, runtime)?;
            let (model, seed) = (opened.key, Some(planned.seed));
            let models = if planned.is_null { &mut nulls } else { &mut seal.references };
            models.push(ReferenceModel { model, seed, fold: planned.fold });
            seal.held_out.rows.extend(trained.held_out_rows);
            for epoch in self.epochs(&planned) {
                let role = planned.role_of_epoch(epoch);
                let model = self.open(role, &epoch_dir(&planned.dir, epoch), runtime)?;
                self.score(&model, work, runtime)?;
                seal.further.push(model.key);
            }
        }
        let unseen = match settings.mode {
            ModeName::CrossFit => Unseen::CrossFit,
            ModeName::Holdout => Unseen::Selectable,
            ModeName::FullPool if seal.held_out.rows.is_empty() => Unseen::Nothing,
            ModeName::FullPool => Unseen::HeldOut,
        };
        seal.null = self.null.then_some(NullModels { models: nulls, unseen });
        seal.held_out = match settings.mode {
            ModeName::Holdout => HeldOut::to_train(self.part(None).rows(work)?),
            _ => HeldOut::of_training(std::mem::take(&mut seal.held_out.rows)),
        };
        Ok(seal)
    }

    fn planned(&self) -> Vec<Planned> {
        let settings = &self.settings.reference;
        let ReferenceSettings { mode, seeds, .. } = *settings;
        let folds: Vec<Option<usize>> = match mode {
            ModeName::CrossFit => (0..settings.folds()).map(Some).collect(),
            ModeName::FullPool | ModeName::Holdout => vec![None],
        };
        let single = seeds == 1 && folds.len() == 1;
        let mut planned = Vec::new();
        for is_null in [false, true].into_iter().take(if self.null { 2 } else { 1 }) {
            let [one, several] = if is_null { ["null", "nulls"] } else { ["reference", "references"] };
            for seed in (0..seeds as u64).map(|offset| self.recipe.seed.wrapping_add(offset)) {
                for &fold in &folds {
                    let which = Reference { seed: (seeds > 1).then_some(seed), fold, epoch: None };
                    let dir = match single {
                        true => self.out.join(one),
                        false => self.out.join(several).join(folder(which)),
                    };
                    planned.push(Planned { which, is_null, dir, seed, fold });
                }
            }
        }
        planned
    }

    fn part(&self, fold: Option<usize>) -> Part {
        let settings = &self.settings.reference;
        let seed = self.recipe.seed;
        match (settings.mode, fold) {
            (ModeName::CrossFit, Some(fold)) => Part::AllBut { fold, n_folds: settings.folds(), seed },
            (ModeName::Holdout, _) => Part::Share { share: settings.holdout(), seed },
            _ => Part::All,
        }
    }

    fn train(&self, planned: &Planned, work: &WorkDir, runtime: &Runtime) -> Result<Trained> {
        self.request(planned, |request| match trained_before(request)? {
            Some(outcome) => {
                let which =
                    if planned.role() == ModelRole::REFERENCE { "" } else { &format!("{} ", planned.role()) };
                runtime.note(&format!(
                    "{:16} {which}done before: {}",
                    "train",
                    counted(outcome.n_steps as u64, "step")
                ));
                Ok(outcome)
            }
            None => train_reference(request, work, runtime),
        })
    }

    /// Passes on everything that decides a reference.
    fn request<T>(&self, planned: &Planned, take: impl FnOnce(&TrainRequest<'_>) -> Result<T>) -> Result<T> {
        let settings = self.settings;
        let recipe = self.recipe.with_seed(planned.seed);
        take(&TrainRequest {
            base: self.base,
            sequences: self.sequences,
            plan: self.plan,
            data: &settings.data,
            recipe: &recipe,
            adapter: settings.train.adapter(),
            dpo: settings.train.dpo(),
            anchor: None,
            context: if planned.is_null { self.sequences.unconditional()? } else { Context::Prompt },
            part: self.part(planned.fold),
            eval: &settings.eval,
            eval_seed: self.recipe.seed,
            trajectory: settings.reference.trajectory && !planned.is_null,
            save_every: settings.train.save_every,
            threads: settings.compute.threads(),
            eval_paths: self.eval_paths,
            out: &planned.dir,
        })
    }

    fn epochs(&self, planned: &Planned) -> std::ops::RangeInclusive<u32> {
        1..=if self.settings.reference.trajectory && !planned.is_null { self.recipe.epochs } else { 0 }
    }

    fn open_trained(&self, planned: &Planned, runtime: &Runtime) -> Result<Model> {
        match planned.is_null {
            true => open_null_as(planned.role(), self.base, &planned.dir, self.sequences, runtime),
            false => self.open(planned.role(), &planned.dir, runtime),
        }
    }

    fn open(&self, role: ModelRole, dir: &Path, runtime: &Runtime) -> Result<Model> {
        let reference = self.base.open_tuned(role, dir, runtime)?;
        check_pair(self.base, &reference, self.sequences.encoder.tokenizer(), runtime)?;
        Ok(reference)
    }

    fn score(&self, model: &Model, work: &WorkDir, runtime: &Runtime) -> Result<()> {
        score(work, model, self.detail, self.settings.compute.threads(), runtime)
    }
}

/// The folder of one of several references, such as `seed3-fold1`.
fn folder(Reference { seed, fold, .. }: Reference) -> String {
    let parts =
        seed.map(|seed| format!("seed{seed}")).into_iter().chain(fold.map(|fold| format!("fold{fold}")));
    parts.collect::<Vec<_>>().join("-")
}

/// The base in other roles: without prompts, and with the Brier loss.
///
/// # Errors
/// If the tokenizer has no token that a response without a prompt can follow.
pub(crate) fn further(
    base: &Model,
    unconditional: bool,
    brier: bool,
    sequences: &Sequences,
) -> Result<Vec<Model>> {
    let mut further = Vec::new();
    if unconditional {
        further.push(base.in_context(ModelRole::BaseUnconditional, sequences.unconditional()?));
    }
    if brier {
        further.push(base.measured_by(ModelRole::BaseBrier, Measure::Brier));
    }
    Ok(further)
}

/// The models of a table whose reference and null model, if there are any, are already trained.
///
/// # Errors
/// If a training record cannot be read, or the null model was trained on other rows than the reference.
pub(crate) fn given(
    base: &Model,
    reference: Option<&Model>,
    further: &[Model],
    null: Option<&Model>,
    work: &WorkDir,
    detail: Detail,
    runtime: &Runtime,
) -> Result<Seal> {
    let mut seal =
        Seal::new(base.key.clone(), reference.iter().map(|model| model.key.clone().into()).collect());
    seal.further = further.iter().map(|model| model.key.clone()).collect();
    seal.detail = detail;
    seal.null = null.map(|null| given_null(null, reference, work.plan(), runtime)).transpose()?;
    if let Some(reference) = reference
        && let Some(record) = TrainingRecord::read(reference.dir())?
    {
        if matches!(record.part, Part::Share { .. }) && record.is_of_other_prompts(work.plan()) {
            bail!(
                Model,
                "reference `{}`: expected prompts as in its training, found another `--transform`; its tokens decide which \
                 rows were set aside to train it",
                reference.key.path
            );
        }
        match record.part_of(work.plan(), runtime) {
            part @ Part::Share { .. } => {
                seal.mode = ReferenceMode::Holdout;
                seal.held_out = HeldOut::to_train(part.rows(work)?);
            }
            Part::AllBut { fold, n_folds, .. } => {
                runtime.warn(&format!(
                    "the reference has not seen fold {fold} of {n_folds}; its losses on that fold are not comparable with the rest"
                ));
            }
            Part::All => {}
        }
        if seal.mode == ReferenceMode::FullPool {
            seal.held_out = HeldOut::of_training(record.held_out_rows(work.plan(), runtime));
        }
    }
    Ok(seal)
}
