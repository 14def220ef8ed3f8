//! How references are trained.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::{EvalSettings, Method, ModeName, ObjectiveName, ReferenceSettings, TrainSettings};
use lobass_model::{Dtype, LoraConfig};
use lobass_train::{Recipe, Schedule};

use super::{MixingArgs, described, words};

pub(super) const METHODS: [(&str, &str); 2] =
    [("full", "All of them"), ("lora", "A low-rank adapter over frozen weights; written as PEFT does")];
const OBJECTIVES: [(&str, &str); 3] = [
    ("sft", "Supervised fine-tuning on the responses; of pairs, on the chosen ones"),
    ("dpo", "Direct preference optimization on pairs"),
    ("davir-dpo", "DPO with log-ratios that are divided by the starting model's log-probability (DavIR)"),
];
pub(super) const CONTEXTS: [(&str, &str); 2] = [
    ("prompt", "The prompt: a reference is trained"),
    ("unconditional", "None: the null model of V-information is trained, which `lobass score --null` takes"),
];
const MODES: [(&str, &str); 3] = [
    ("full-pool", "All of them, as in the paper: it may have memorized the row"),
    ("cross-fit", "All but the row's own part: as many references as parts"),
    ("holdout", "A part of the pool that is set aside for it, and cannot be selected (RHO-LOSS)"),
];

/// How a reference is trained, and what it is measured on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct RecipeArgs {
    #[command(flatten)]
    numbers: TrainingArgs,
    /// The number of rows of the pool to hold out of training, for a held-out loss [default: 0]
    #[arg(long, value_name = "ROWS")]
    eval_rows: Option<usize>,
    /// Further files for the held-out loss
    #[arg(long, value_name = "FILE", num_args = 1..)]
    eval_data: Vec<PathBuf>,
    /// Steps between measurements of the held-out loss, which is also measured at the end [default: ten times per
    /// training run]
    #[arg(long, value_name = "STEPS")]
    eval_every: Option<usize>,
    #[command(flatten)]
    mixing: MixingArgs,
}

/// How a model is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct TrainingArgs {
    /// Which weights are trained [default: full]
    #[arg(long, value_name = "METHOD", value_parser = described::<Method>(&METHODS))]
    method: Option<Method>,
    /// The training objective [default: sft]
    #[arg(long, value_name = "NAME", value_parser = described::<ObjectiveName>(&OBJECTIVES))]
    objective: Option<ObjectiveName>,
    /// The factor of the margins of pairs [default: 0.1 for dpo, 1 for davir-dpo]
    #[arg(long, value_name = "BETA")]
    beta: Option<f64>,
    #[command(flatten)]
    steps: StepArgs,
}

/// The steps of a training, whatever it trains.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct StepArgs {
    /// The recipe for settings that are not given [default: Stanford Alpaca's with one epoch]
    #[arg(long, value_name = "NAME", value_parser = words::<Recipe>(&Recipe::NAMES))]
    recipe: Option<Recipe>,
    /// Passes over the examples [default: 1]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Examples per optimizer step [default: 128]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// The largest learning rate [default: 2e-5, or 2e-4 with LoRA]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// The schedule of the learning rate [default: cosine]
    #[arg(long, value_name = "NAME", value_parser = words::<Schedule>(&["cosine", "linear", "constant"]))]
    schedule: Option<Schedule>,
    /// The share of all steps in which the learning rate warms up [default: 0.03]
    #[arg(long, value_name = "SHARE")]
    warmup_ratio: Option<f64>,
    /// AdamW's decay of matrices [default: 0]
    #[arg(long, value_name = "DECAY")]
    weight_decay: Option<f64>,
    /// Clip gradients to this global norm; 0 disables clipping [default: 1]
    #[arg(long, value_name = "NORM")]
    max_grad_norm: Option<f64>,
    /// Tokens that one thread runs at once [default: 512]
    #[arg(long, value_name = "TOKENS")]
    micro_batch_tokens: Option<usize>,
    /// Recompute activations in the backward pass: less memory, up to a third more work, the same result
    #[arg(long)]
    recompute: bool,
    /// The number format of products in training; sums and weights are f32 [default: bf16 with `--dtype bf16` on the
    /// processor, else f32]
    #[arg(long, value_name = "DTYPE", value_parser = words::<Dtype>(&["f32", "bf16"]))]
    products: Option<Dtype>,
    /// The seed of the order of examples, of new adapters, and of dropout [default: 0]
    #[arg(long, value_name = "SEED")]
    train_seed: Option<u64>,
    /// The seed of the order of examples alone; with several seeds it counts up as `--train-seed` does [default: that
    /// of `--train-seed`]
    #[arg(long, value_name = "SEED")]
    order_seed: Option<u64>,
    /// Steps between saved states, from which an interrupted training resumes; 0 saves none [default: as often as
    /// 5 % of the time allows]
    #[arg(long, value_name = "STEPS")]
    save_every: Option<usize>,
    #[command(flatten)]
    lora: LoraArgs,
}

/// Arguments for an adapter.
#[derive(Debug, Args)]
#[command(next_help_heading = "LoRA")]
pub(crate) struct LoraArgs {
    /// The rank of the updates [default: 16]
    #[arg(long, value_name = "RANK")]
    lora_rank: Option<usize>,
    /// Scale updates by this over the rank [default: 32]
    #[arg(long, value_name = "ALPHA")]
    lora_alpha: Option<f64>,
    /// Scale updates by alpha over the square root of the rank (rsLoRA)
    #[arg(long)]
    rslora: bool,
    /// The share of an update's inputs that training drops [default: 0]
    #[arg(long, value_name = "SHARE")]
    lora_dropout: Option<f64>,
    /// The projections to adapt, by their names, or `all-linear` [default: all-linear]
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    lora_targets: Vec<String>,
    /// Modules to train fully and store with the adapter: `lm_head`, `embed_tokens`, norms
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    modules_to_save: Vec<String>,
}

impl RecipeArgs {
    pub(crate) fn apply(&self, train: &mut TrainSettings, eval: &mut EvalSettings) {
        self.numbers.apply(train);
        self.mixing.apply(train);
        eval.rows = self.eval_rows.unwrap_or(eval.rows);
        eval.every = self.eval_every.or(eval.every);
        if !self.eval_data.is_empty() {
            eval.files.clone_from(&self.eval_data);
        }
    }
}

impl TrainingArgs {
    pub(crate) fn apply(&self, train: &mut TrainSettings) {
        train.method = self.method.unwrap_or(train.method);
        train.objective = self.objective.unwrap_or(train.objective);
        train.beta = self.beta.or(train.beta);
        self.steps.apply(train);
    }
}

impl StepArgs {
    pub(crate) fn apply(&self, train: &mut TrainSettings) {
        train.recipe = self.recipe.map(|recipe| recipe.to_string()).or(train.recipe.take());
        train.epochs = self.epochs.or(train.epochs);
        train.batch_size = self.batch_size.or(train.batch_size);
        train.learning_rate = self.learning_rate.or(train.learning_rate);
        train.schedule = self.schedule.or(train.schedule);
        train.warmup_ratio = self.warmup_ratio.or(train.warmup_ratio);
        train.weight_decay = self.weight_decay.or(train.weight_decay);
        train.max_grad_norm = self.max_grad_norm.or(train.max_grad_norm);
        train.micro_batch_tokens = self.micro_batch_tokens.or(train.micro_batch_tokens);
        train.recompute = self.recompute.then_some(true).or(train.recompute);
        train.products = self.products.or(train.products);
        train.seed = self.train_seed.or(train.seed);
        train.order_seed = self.order_seed.or(train.order_seed);
        train.save_every = self.save_every.or(train.save_every);
        self.lora.apply(&mut train.lora);
    }
}

impl LoraArgs {
    pub(crate) fn apply(&self, lora: &mut LoraConfig) {
        lora.rank = self.lora_rank.unwrap_or(lora.rank);
        lora.alpha = self.lora_alpha.unwrap_or(lora.alpha);
        lora.rslora |= self.rslora;
        lora.dropout = self.lora_dropout.unwrap_or(lora.dropout);
        if !self.lora_targets.is_empty() {
            lora.target_modules.clone_from(&self.lora_targets);
        }
        if !self.modules_to_save.is_empty() {
            lora.modules_to_save.clone_from(&self.modules_to_save);
        }
    }
}

/// Which references are trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "References")]
pub(crate) struct ReferenceArgs {
    /// The rows that references are trained on: all, all but a fold, or a share that is set aside [default:
    /// full-pool]
    #[arg(long, value_name = "MODE", value_parser = described::<ModeName>(&MODES))]
    reference_mode: Option<ModeName>,
    /// The number of folds in the mode cross-fit, with a reference for each [default: 2]
    #[arg(long, value_name = "N")]
    folds: Option<usize>,
    /// The share of the pool that is set aside in the mode holdout [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    holdout: Option<f64>,
    /// The number of references to train with different seeds; their losses are averaged [default: 1]
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,
    /// Keep the reference of every epoch, and score every row with each
    #[arg(long)]
    trajectory: bool,
    /// Also train a null model with each reference, on the same responses without prompts, and score with it;
    /// strategies that need it, such as pvi-trained, imply this
    #[arg(long)]
    with_null: bool,
}

impl ReferenceArgs {
    pub(crate) fn apply(&self, settings: &mut ReferenceSettings) {
        settings.mode = self.reference_mode.unwrap_or(settings.mode);
        settings.folds = self.folds.or(settings.folds);
        settings.holdout = self.holdout.or(settings.holdout);
        settings.seeds = self.seeds.unwrap_or(settings.seeds);
        settings.trajectory |= self.trajectory;
        settings.null |= self.with_null;
    }
}
