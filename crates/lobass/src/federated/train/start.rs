//! The stages of a method, and what each of them starts from.

use std::collections::{BTreeMap, BTreeSet};

use lobass_core::Observer as _;
use lobass_model::{Decoder, LoraConfig, expected_tensors};
use lobass_train::{FlatParameters, TrainConfig, WeightMask};

use super::low_rank::{A, LowRankStart};
use super::opened::Opened;
use super::settings::{FederatedMethod, FederatedSettings};
use super::store::RoundStore;
use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// A stage of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StageName {
    /// The first stage of SLoRA: a part of the weights.
    Sparse,
    /// What is trained in the end.
    Main,
}

impl StageName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Main => "main",
        }
    }
}

/// A stage that can be run.
pub(super) struct Stage {
    pub(super) name: StageName,
    pub(super) n_rounds: usize,
    pub(super) model: Decoder,
    pub(super) parameters: FlatParameters,
    pub(super) recipe: TrainConfig,
    pub(super) mask: Option<WeightMask>,
    /// Weights that are sent.
    pub(super) n_sent: usize,
    /// The share of the energy of what the sparse stage learned that the start of the adapter has.
    pub(super) energy: Option<f64>,
    /// The base with what the start of the adapter leaves out, if that is kept.
    pub(super) rest: Option<Decoder>,
}

/// The stages of a simulation.
pub(super) struct Stages<'a> {
    pub(super) opened: &'a Opened,
    pub(super) settings: &'a FederatedSettings,
}

impl Stages<'_> {
    pub(super) fn all(&self) -> Vec<StageName> {
        match self.settings.method {
            FederatedMethod::Slora => vec![StageName::Sparse, StageName::Main],
            FederatedMethod::Full | FederatedMethod::Lora => vec![StageName::Main],
        }
    }

    /// Refuses what a stage could not start from.
    ///
    /// # Errors
    /// For SLoRA, if the adapter is on more than separate matrices.
    pub(super) fn check(&self) -> Result<()> {
        match (self.settings.method, self.opened.train.adapter()) {
            (FederatedMethod::Slora, Some(lora)) => self.matrices(lora).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Loads what a stage starts from.
    pub(super) fn begin(&self, name: StageName, store: &RoundStore, runtime: &Runtime) -> Result<Stage> {
        let Opened { base, recipe, train, .. } = self.opened;
        match (name, train.adapter()) {
            (StageName::Sparse, Some(lora)) => self.sparse(lora),
            (StageName::Sparse, None) => bail!(Training, "a sparse stage needs an adapter to follow"),
            (StageName::Main, None) => {
                let model = base.load_for_training()?;
                Ok(main(self.settings, model, recipe, None))
            }
            (StageName::Main, Some(lora)) if self.settings.method == FederatedMethod::Slora => {
                self.started(lora, store, runtime)
            }
            (StageName::Main, Some(lora)) => {
                let model = lora.attach(&base.load_frozen()?, recipe.seed)?;
                Ok(main(self.settings, model, recipe, None))
            }
        }
    }

    fn sparse(&self, lora: &LoraConfig) -> Result<Stage> {
        let Opened { base, recipe, .. } = self.opened;
        let model = base.load_for_training()?;
        let matrices = self.matrices(lora)?;
        let parameters = FlatParameters::of(&model);
        let mask = self.settings.mask(recipe.seed);
        let mut places = BTreeMap::new();
        for (name, _, range) in parameters.iter().filter(|(name, ..)| matrices.contains(*name)) {
            places.insert(name.to_owned(), mask.places(name, range.len()));
        }
        let n_sent = places.values().map(Vec::len).sum();
        let learning_rate = self.settings.sparse_learning_rate.unwrap_or(recipe.learning_rate);
        Ok(Stage {
            name: StageName::Sparse,
            n_rounds: self.settings.sparse_rounds,
            model,
            parameters,
            recipe: TrainConfig { learning_rate, ..recipe.clone() },
            mask: Some(WeightMask { places }),
            n_sent,
            energy: None,
            rest: None,
        })
    }

    /// The matrices that the adapter will be on, by their names in files.
    fn matrices(&self, lora: &LoraConfig) -> Result<BTreeSet<String>> {
        let base = &self.opened.base;
        if !lora.modules_to_save.is_empty() {
            bail!(Settings, "`--method slora` starts low-rank updates: expected no `--modules-to-save`");
        }
        let adapted = lora.attach(&base.load_frozen()?, 0)?;
        let names = adapted.trained_parameters().into_iter();
        let matrices: BTreeSet<String> =
            names.filter_map(|(name, _)| Some(format!("{}.weight", name.strip_suffix(A)?))).collect();
        let known: BTreeSet<String> =
            expected_tensors(base.checkpoint.spec()).into_iter().map(|tensor| tensor.name).collect();
        match matrices.iter().find(|name| !known.contains(*name)) {
            Some(name) => bail!(
                Model,
                "base `{}`: expected a matrix for each update, found `{name}` as a part of another tensor; `--method \
                 slora` needs models with separate projections",
                base.key.path
            ),
            None => Ok(matrices),
        }
    }

    /// The adapter that starts from what the sparse stage learned, on the base that it is for.
    fn started(&self, lora: &LoraConfig, store: &RoundStore, runtime: &Runtime) -> Result<Stage> {
        let Opened { base, recipe, .. } = self.opened;
        let last = store.round(StageName::Sparse.as_str(), self.settings.sparse_rounds)?;
        let (after, _) = last.context("the weights after the sparse stage")?;
        let before = base.load_for_training()?;
        let start = LowRankStart::of(&before, after, lora);
        let share = 100.0 * start.energy();
        runtime
            .note(&format!("{:16} {share:.1} % of what the sparse stage learned is in the adapter", "start"));
        let frozen = match self.settings.keep_rest {
            true => start.rest(before),
            false => base.load_frozen()?,
        };
        let model = start.put(lora.attach(&frozen, recipe.seed)?);
        let rest = self.settings.keep_rest.then_some(frozen);
        Ok(Stage { rest, ..main(self.settings, model, recipe, Some(start.energy())) })
    }
}

fn main(settings: &FederatedSettings, model: Decoder, recipe: &TrainConfig, energy: Option<f64>) -> Stage {
    let parameters = FlatParameters::of(&model);
    Stage {
        name: StageName::Main,
        n_rounds: settings.rounds,
        n_sent: parameters.n_values(),
        model,
        parameters,
        recipe: recipe.clone(),
        mask: None,
        energy,
        rest: None,
    }
}
