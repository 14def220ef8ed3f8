//! The training of a trial.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::Observer as _;
use lobass_model::Decoder;
use lobass_train::{
    Checkpoints, Event, Every, Objective, Session, TrainConfig, TrainData, TrainReport, batches_of_tokens,
    fine_tune, fine_tune_in_batches,
};

use crate::error::Result;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::settings::TrainSettings;

/// The training of one trial.
pub(super) struct Training<'a> {
    /// The recipe, with the seed of the trial.
    pub(super) recipe: &'a TrainConfig,
    pub(super) amount: Amount<'a>,
    pub(super) threads: usize,
    /// Steps between two states; without a number, states take at most a small share of the time.
    pub(super) save_every: Option<usize>,
    /// The folder of the states.
    pub(super) state: &'a Path,
    pub(super) runtime: &'a Runtime,
}

/// How long a training is.
pub(super) enum Amount<'a> {
    /// The epochs of the recipe.
    Epochs,
    /// So much in all, of examples with these sizes, such as tokens.
    Sizes(&'a [usize], u64),
}

impl Training<'_> {
    /// Trains a model, or continues from its last state.
    pub(super) fn of(&self, model: Decoder, objective: Objective<'_>) -> Result<(Decoder, TrainReport)> {
        let Self { recipe, threads, runtime, .. } = *self;
        let data = TrainData { train: objective, ..TrainData::sft(&[]) };
        let batches = match self.amount {
            Amount::Epochs => None,
            Amount::Sizes(sizes, total) => {
                Some(batches_of_tokens(sizes, recipe.batch_size, total, recipe.order_seed()))
            }
        };
        let every = Every::steps_or_time(self.save_every);
        let checkpoints = Checkpoints { dir: self.state.to_owned(), every, keep: 1 };
        let stop = AtomicBool::new(runtime.is_interrupted());
        let session =
            Session { threads, checkpoints: Some(&checkpoints), stop: Some(&stop), ..Session::default() };
        let observe = &mut |_: Event<'_>| stop.store(runtime.is_interrupted(), Ordering::Relaxed);
        let trained = match batches {
            None => fine_tune(model, &data, recipe, session, observe),
            Some(batches) => fine_tune_in_batches(model, &data, batches, recipe, session, observe),
        };
        runtime.stopped(trained)
    }
}

/// The model that training starts from, with the weights that are trained.
pub(super) fn start(base: &Model, train: &TrainSettings, seed: u64) -> Result<Decoder> {
    match train.adapter() {
        None => base.load_for_training(),
        Some(lora) => Ok(lora.attach(&base.load_frozen()?, seed)?),
    }
}
