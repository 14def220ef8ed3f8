//! Settings of trainings and references.

use std::path::PathBuf;

use lobass_core::{Context, DeviceKind, Dtype, Observer as _};
use lobass_data::Pool;
use lobass_mixture::{Mixing, MixingPolicy, Prior, Source};
use lobass_model::{DecoderSpec, LoraConfig, computes_fast_in_bf16};
use lobass_train::{Dpo, Recipe, Schedule, TrainConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Error, Result, bail};
use crate::faults::Faults;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::Sequences;

/// The recipe of a reference. `None` takes the value of the recipe.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// The name of a published recipe; `None` takes the defaults of lobass.
    pub recipe: Option<String>,
    /// The weights that are trained.
    pub method: Method,
    /// The objective.
    pub objective: ObjectiveName,
    /// The text before the responses that are trained on.
    #[serde(skip_serializing_if = "TrainContext::is_prompt")]
    pub context: TrainContext,
    /// The factor of the margins of a preference objective.
    pub beta: Option<f64>,
    /// Passes over the pool.
    pub epochs: Option<u32>,
    /// Rows of an optimizer step.
    pub batch_size: Option<usize>,
    /// The highest learning rate.
    pub learning_rate: Option<f64>,
    /// The course of the learning rate after the warm-up.
    pub schedule: Option<Schedule>,
    /// The share of the steps in which the learning rate rises, between 0 and 1.
    pub warmup_ratio: Option<f64>,
    /// The weight decay of AdamW.
    pub weight_decay: Option<f64>,
    /// The decay of the first moment of AdamW.
    pub beta_1: Option<f64>,
    /// The decay of the second moment of AdamW.
    pub beta_2: Option<f64>,
    /// The epsilon of AdamW.
    pub epsilon: Option<f64>,
    /// The norm that gradients are clipped to.
    pub max_grad_norm: Option<f64>,
    /// The seed of the order of rows, of the start of adapters, and of dropout.
    pub seed: Option<u64>,
    /// The seed of the order of rows alone; `None` is the same as `seed`. With several seeds it counts up as `seed` does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_seed: Option<u64>,
    /// Tokens of a pass forward and backward; it bounds the memory.
    pub micro_batch_tokens: Option<usize>,
    /// Whether activations are computed again in the backward pass, which saves memory.
    pub recompute: Option<bool>,
    /// The number format of products in training, f32 or bf16; `None` is bf16 if the models are in bf16 on the
    /// processor, else f32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Dtype>,
    /// Steps between two states; `None` saves as often as 5 % of the time allows.
    pub save_every: Option<usize>,
    /// How the sources of the pool are mixed; `None` takes every row once per epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing: Option<MixingPolicy>,
    /// The shares that the mixing policy `ado` starts from; `None` takes them by rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
    /// The most passes over a source that is mixed; `None` is 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing_max_passes: Option<u32>,
    /// The smallest loss that the policy `ado` lets a source tend to, in nats; `None` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing_floor: Option<f64>,
    /// The adapter, for the method `lora`.
    pub lora: LoraConfig,
}

/// The weights that are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All weights.
    #[default]
    Full,
    /// A low-rank adapter over frozen weights, in the format of PEFT.
    Lora,
}

/// The text before the responses that a training sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainContext {
    /// The prompt: a reference is trained.
    #[default]
    Prompt,
    /// No text: the null model of V-information is trained (arXiv 2110.08420). Each response follows the token that
    /// scoring without prompts puts before it.
    Unconditional,
}

impl TrainContext {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_prompt(&self) -> bool {
        *self == Self::Prompt
    }

    /// The context of sequences.
    ///
    /// # Errors
    /// If the tokenizer has no token that a response without a prompt can follow.
    pub(crate) fn of(self, sequences: &Sequences) -> Result<Context> {
        match self {
            Self::Prompt => Ok(Context::Prompt),
            Self::Unconditional => sequences.unconditional(),
        }
    }
}

/// The objective of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveName {
    /// Supervised fine-tuning on the responses; for pairs, on the chosen responses.
    #[default]
    Sft,
    /// Direct preference optimization on pairs (arXiv 2305.18290).
    Dpo,
    /// As `dpo`, with log-ratios that are normalized by the log-probability under the base (DavIR, arXiv 2310.13008).
    DavirDpo,
}

/// The default learning rate of adapters. The documentation of PEFT and most published LoRA runs have this order of
/// magnitude, ten times that of full training.
const LORA_LEARNING_RATE: f64 = 2e-4;

impl TrainSettings {
    /// The recipe with all values, for a model with this number of parameters.
    ///
    /// # Errors
    /// If the recipe is unknown, a value is out of range, or settings contradict each other.
    pub fn config(&self, n_parameters: usize) -> Result<TrainConfig> {
        let recipe = match &self.recipe {
            Some(name) => {
                let recipe: Recipe = name.parse().map_err(Error::Settings).context("the recipe")?;
                recipe.config(n_parameters)
            }
            None => {
                let mut config = TrainConfig::default();
                if self.method == Method::Lora {
                    config.learning_rate = LORA_LEARNING_RATE;
                }
                config
            }
        };
        if self.method == Method::Full && self.lora != LoraConfig::default() {
            bail!(Settings, "LoRA settings need `--method lora`");
        }
        if self.objective == ObjectiveName::Sft && self.beta.is_some() {
            bail!(Settings, "`--beta` needs `--objective dpo` or `davir-dpo`");
        }
        if self.context == TrainContext::Unconditional && self.objective != ObjectiveName::Sft {
            bail!(
                Settings,
                "`--context unconditional` trains on single responses: it needs `--objective sft`"
            );
        }
        let seed = self.seed.unwrap_or(recipe.seed);
        let config = TrainConfig {
            epochs: self.epochs.unwrap_or(recipe.epochs),
            batch_size: self.batch_size.unwrap_or(recipe.batch_size),
            learning_rate: self.learning_rate.unwrap_or(recipe.learning_rate),
            schedule: self.schedule.unwrap_or(recipe.schedule),
            warmup_ratio: self.warmup_ratio.unwrap_or(recipe.warmup_ratio),
            weight_decay: self.weight_decay.unwrap_or(recipe.weight_decay),
            beta_1: self.beta_1.unwrap_or(recipe.beta_1),
            beta_2: self.beta_2.unwrap_or(recipe.beta_2),
            epsilon: self.epsilon.unwrap_or(recipe.epsilon),
            max_grad_norm: self.max_grad_norm.unwrap_or(recipe.max_grad_norm),
            seed,
            // The same order has one spelling, so that it is the same training.
            order_seed: self.order_seed.filter(|order| *order != seed),
            micro_batch_tokens: self.micro_batch_tokens.unwrap_or(recipe.micro_batch_tokens),
            recompute: self.recompute.unwrap_or(recipe.recompute),
            products: self.products.unwrap_or(recipe.products),
            mixing: self.mixing()?,
        };
        config.check()?;
        Ok(config)
    }

    /// The recipe for a model, with products in the format of the model where its device trains in it.
    ///
    /// # Errors
    /// As for [`TrainSettings::config`], and if the device does not train in the format of products.
    pub(crate) fn config_for(&self, base: &Model, runtime: &Runtime) -> Result<TrainConfig> {
        let (on_processor, dtype) = (base.key.device.kind == DeviceKind::Cpu, base.key.dtype);
        let default = (on_processor && dtype == Dtype::Bf16).then_some(Dtype::Bf16);
        let settings = Self { products: self.products.or(default), ..self.clone() };
        let config = settings.config(base.checkpoint.spec().n_parameters())?;
        if config.products == Dtype::Bf16 {
            if !on_processor {
                let device = base.key.device;
                bail!(
                    Settings,
                    "training on `{device}`: expected `products` of f32, found bf16, which is the processor's"
                );
            }
            if !computes_fast_in_bf16() {
                runtime.warn(
                    "this processor has no instructions for bf16: products of training in bf16 are slower than in f32",
                );
            }
        }
        Ok(config)
    }

    /// The mixture of sources, if there is one.
    fn mixing(&self) -> Result<Option<Mixing>> {
        let Some(policy) = self.mixing else {
            let others = [
                ("--prior", self.prior.is_some()),
                ("--mixing-max-passes", self.mixing_max_passes.is_some()),
                ("--mixing-floor", self.mixing_floor.is_some()),
            ];
            if let Some((flag, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
                bail!(Settings, "`{flag}` needs `--mixing`");
            }
            return Ok(None);
        };
        if policy != MixingPolicy::Ado {
            for (flag, is_given) in
                [("--prior", self.prior.is_some()), ("--mixing-floor", self.mixing_floor.is_some())]
            {
                if is_given {
                    bail!(Settings, "`{flag}` needs `--mixing ado`: the shares of `{policy}` do not change");
                }
            }
        }
        Ok(Some(Mixing {
            policy,
            prior: self.prior.clone().unwrap_or_default(),
            max_passes: self.mixing_max_passes.unwrap_or(Mixing::MAX_PASSES),
            floor: self.mixing_floor,
        }))
    }

    /// Whether the settings fit a model and a pool, as far as that can be known before the pool is read.
    ///
    /// # Errors
    /// If an adapter does not fit the model, a preference objective has no file with pairs, or a prior does not name
    /// the sources of the pool.
    pub(crate) fn check_for(&self, base: &DecoderSpec, pool: &Pool) -> Result<()> {
        let mut faults = Faults::default();
        if let Some(adapter) = self.adapter() {
            faults.take(adapter.check_for(base).map_err(Error::from));
        }
        if let Some(prior) = &self.prior {
            let mut sources: Vec<Source> = Vec::new();
            for file in pool.files() {
                if sources.iter().all(|source| source.name != file.source()) {
                    sources.push(Source { name: file.source().to_owned(), n_rows: 1, n_scored: 1 });
                }
            }
            faults.take(prior.weights(&sources).map_err(|error| Error::Settings(error.to_string())));
        }
        if self.dpo().is_some() && !pool.files().iter().any(|file| file.layout().is_preference()) {
            faults.add(Error::Settings(
                "the objective needs pairs of a chosen and a rejected response, and no file of the pool has them"
                    .to_owned(),
            ));
        }
        faults.end()
    }

    /// The settings with every number, so that a record of them does not depend on later defaults.
    #[must_use]
    pub fn spelled(&self, config: &TrainConfig) -> Self {
        let ado = config.mixing.as_ref().filter(|mixing| mixing.policy == MixingPolicy::Ado);
        let prior = ado.map(|mixing| &mixing.prior);
        Self {
            epochs: Some(config.epochs),
            batch_size: Some(config.batch_size),
            learning_rate: Some(config.learning_rate),
            schedule: Some(config.schedule),
            warmup_ratio: Some(config.warmup_ratio),
            weight_decay: Some(config.weight_decay),
            beta_1: Some(config.beta_1),
            beta_2: Some(config.beta_2),
            epsilon: Some(config.epsilon),
            max_grad_norm: Some(config.max_grad_norm),
            seed: Some(config.seed),
            order_seed: config.order_seed,
            micro_batch_tokens: Some(config.micro_batch_tokens),
            recompute: Some(config.recompute),
            products: self.products.or((config.products != Dtype::F32).then_some(config.products)),
            beta: self.dpo().map(|dpo| dpo.beta),
            mixing: config.mixing.as_ref().map(|mixing| mixing.policy),
            prior: prior.cloned(),
            mixing_max_passes: config.mixing.as_ref().map(|mixing| mixing.max_passes),
            mixing_floor: config.mixing.as_ref().and_then(|mixing| mixing.floor),
            ..self.clone()
        }
    }

    /// The adapter, for the method `lora`.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        (self.method == Method::Lora).then_some(&self.lora)
    }

    /// The preference objective, if there is one. The default beta is 0.1, as in TRL; normalized margins are of order
    /// one, and have 1.
    pub fn dpo(&self) -> Option<Dpo> {
        let normalized = match self.objective {
            ObjectiveName::Sft => return None,
            ObjectiveName::Dpo => false,
            ObjectiveName::DavirDpo => true,
        };
        Some(Dpo { beta: self.beta.unwrap_or(if normalized { 1.0 } else { 0.1 }), normalized })
    }
}

/// The held-out rows that a reference is measured on while it is trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalSettings {
    /// Rows of the pool to hold out.
    pub rows: usize,
    /// Files of further held-out rows.
    pub files: Vec<PathBuf>,
    /// Steps between two measurements; `None` measures about ten times.
    pub every: Option<usize>,
}

impl EvalSettings {
    /// Says so if nothing is held out that could be measured.
    pub(crate) fn warn_of_no_effect(&self, runtime: &Runtime) {
        if self.every.is_some() && self.rows == 0 && self.files.is_empty() {
            runtime
                .warn("`--eval-every` has no effect without held-out rows: `--eval-rows` or `--eval-data`");
        }
    }
}
