//! How references are trained.

use std::path::PathBuf;

use lobass_llama::LoraConfig;
use lobass_train::{Dpo, Recipe, Schedule, TrainConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Error, Result, bail};

/// How a reference is trained: a recipe, and what is said over it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    pub recipe: Option<String>,
    pub method: Method,
    pub objective: ObjectiveName,
    pub beta: Option<f64>,
    pub epochs: Option<u32>,
    pub batch_size: Option<usize>,
    pub learning_rate: Option<f64>,
    pub schedule: Option<Schedule>,
    pub warmup_ratio: Option<f64>,
    pub weight_decay: Option<f64>,
    pub beta_1: Option<f64>,
    pub beta_2: Option<f64>,
    pub epsilon: Option<f64>,
    pub max_grad_norm: Option<f64>,
    pub seed: Option<u64>,
    pub micro_batch_tokens: Option<usize>,
    pub recompute: Option<bool>,
    pub save_every: Option<usize>,
    pub lora: LoraConfig,
}

/// Which weights are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All of them.
    #[default]
    Full,
    /// A low-rank adapter over frozen weights; written as PEFT does
    Lora,
}

/// What is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveName {
    /// Supervised fine-tuning on the responses; of pairs, on the chosen ones
    #[default]
    Sft,
    /// Direct preference optimization on pairs
    Dpo,
    /// The same with log-ratios that are normalized by the starting model's log-probability (DavIR)
    DavirDpo,
}

/// PEFT's documentation and most published LoRA runs are at this order of magnitude, ten times that of full training.
const LORA_LEARNING_RATE: f64 = 2e-4;

impl TrainSettings {
    /// The recipe with everything that is said over it, for a model of some parameters.
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
            bail!(Settings, "settings of LoRA are given, and all weights are trained: add `--method lora`");
        }
        if self.objective == ObjectiveName::Sft && self.beta.is_some() {
            bail!(
                Settings,
                "a beta is given, and fine-tuning has none: add `--objective dpo` or `davir-dpo`"
            );
        }
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
            seed: self.seed.unwrap_or(recipe.seed),
            micro_batch_tokens: self.micro_batch_tokens.unwrap_or(recipe.micro_batch_tokens),
            recompute: self.recompute.unwrap_or(recipe.recompute),
        };
        config.check()?;
        Ok(config)
    }

    /// The same with every number spelled out, so that a record of it does not depend on what defaults become.
    pub fn spelled(&self, config: &TrainConfig) -> Self {
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
            micro_batch_tokens: Some(config.micro_batch_tokens),
            recompute: Some(config.recompute),
            beta: self.dpo().map(|dpo| dpo.beta),
            ..self.clone()
        }
    }

    /// The adapter that is trained, if one is.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        (self.method == Method::Lora).then_some(&self.lora)
    }

    /// The preference objective, if there is one. Its margins are multiplied by 0.1, as TRL has it; normalized ones
    /// are of order one already, and are multiplied by 1.
    pub fn dpo(&self) -> Option<Dpo> {
        let normalized = match self.objective {
            ObjectiveName::Sft => return None,
            ObjectiveName::Dpo => false,
            ObjectiveName::DavirDpo => true,
        };
        Some(Dpo { beta: self.beta.unwrap_or(if normalized { 1.0 } else { 0.1 }), normalized })
    }
}

/// What the reference is measured on while it is trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalSettings {
    pub rows: usize,
    pub files: Vec<PathBuf>,
    pub every: Option<usize>,
}

/// Which references are trained, and on what part of the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferenceSettings {
    pub mode: ModeName,
    /// The parts of the pool in the mode `cross-fit`.
    pub folds: Option<usize>,
    /// The share of the pool that is set aside in the mode `holdout`.
    pub holdout: Option<f64>,
    pub seeds: usize,
    pub trajectory: bool,
}

/// Which rows a reference has seen when it scores one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeName {
    /// All of them, as in the paper: it may have memorised the row
    #[default]
    FullPool,
    /// All but the row's own part: as many references as parts
    CrossFit,
    /// A part of the pool that is set aside for it, and cannot be selected (RHO-LOSS)
    Holdout,
}

impl Default for ReferenceSettings {
    fn default() -> Self {
        Self { mode: ModeName::default(), folds: None, holdout: None, seeds: 1, trajectory: false }
    }
}

impl ReferenceSettings {
    pub fn folds(&self) -> usize {
        self.folds.unwrap_or(2)
    }

    pub fn holdout(&self) -> f64 {
        self.holdout.unwrap_or(0.5)
    }

    /// Checks what can be checked before anything is computed.
    pub fn check(&self) -> Result<()> {
        let fail = |field: &str, expected: &str, found: String| {
            Err(Error::Settings(format!("reference: expected `{field}` to be {expected}, found {found}")))
        };
        if self.mode != ModeName::CrossFit && self.folds.is_some() {
            bail!(
                Settings,
                "a number of folds is given, and the pool is not cut: add `--reference-mode cross-fit`"
            );
        }
        if self.mode != ModeName::Holdout && self.holdout.is_some() {
            bail!(Settings, "a share to set aside is given, and none is: add `--reference-mode holdout`");
        }
        if self.folds() < 2 {
            return fail("folds", "at least 2", self.folds().to_string());
        }
        if !(self.holdout() > 0.0 && self.holdout() < 1.0) {
            return fail("holdout", "a share between 0 and 1", self.holdout().to_string());
        }
        if self.seeds == 0 {
            return fail("seeds", "at least 1", "0".to_owned());
        }
        Ok(())
    }
}
