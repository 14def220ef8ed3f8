//! How the reference is trained.

use std::path::PathBuf;

use clap::Args;
use lobass_train::{Schedule, TrainConfig};

use super::words;
use crate::settings::EvalSettings;

/// How the reference is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct RecipeArgs {
    /// How often every example is seen [default: 1]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Examples per optimizer step [default: 128]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// The largest learning rate [default: 2e-5]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// What becomes of it over the steps [default: cosine]
    #[arg(long, value_name = "NAME", value_parser = words::<Schedule>(&["cosine", "linear", "constant"]))]
    schedule: Option<Schedule>,
    /// The share of all steps over which it rises [default: 0.03]
    #[arg(long, value_name = "SHARE")]
    warmup_ratio: Option<f64>,
    /// AdamW's decay of matrices [default: 0]
    #[arg(long, value_name = "DECAY")]
    weight_decay: Option<f64>,
    /// Gradients of a larger global norm are scaled down to it; 0 leaves them as they are [default: 1]
    #[arg(long, value_name = "NORM")]
    max_grad_norm: Option<f64>,
    /// Tokens, padding included, that one thread runs at once [default: 512]
    #[arg(long, value_name = "TOKENS")]
    micro_batch_tokens: Option<usize>,
    /// The seed of the order of examples [default: 0]
    #[arg(long, value_name = "SEED")]
    train_seed: Option<u64>,
    /// Rows of the pool that are not trained on, for a held-out loss [default: 0]
    #[arg(long, value_name = "ROWS")]
    eval_rows: Option<usize>,
    /// Further files for the held-out loss
    #[arg(long, value_name = "FILE", num_args = 1..)]
    eval_data: Vec<PathBuf>,
    /// Measure the held-out loss every so many steps, and at the end [default: ten times a run]
    #[arg(long, value_name = "STEPS")]
    eval_every: Option<usize>,
}

impl RecipeArgs {
    pub(crate) fn apply(&self, recipe: &mut TrainConfig, eval: &mut EvalSettings) {
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
        recipe.learning_rate = self.learning_rate.unwrap_or(recipe.learning_rate);
        recipe.schedule = self.schedule.unwrap_or(recipe.schedule);
        recipe.warmup_ratio = self.warmup_ratio.unwrap_or(recipe.warmup_ratio);
        recipe.weight_decay = self.weight_decay.unwrap_or(recipe.weight_decay);
        recipe.max_grad_norm = self.max_grad_norm.unwrap_or(recipe.max_grad_norm);
        recipe.micro_batch_tokens = self.micro_batch_tokens.unwrap_or(recipe.micro_batch_tokens);
        recipe.seed = self.train_seed.unwrap_or(recipe.seed);
        eval.rows = self.eval_rows.unwrap_or(eval.rows);
        eval.every = self.eval_every.or(eval.every);
        if !self.eval_data.is_empty() {
            eval.files.clone_from(&self.eval_data);
        }
    }
}
