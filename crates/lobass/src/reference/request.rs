//! A request to train a reference.

use std::path::{Path, PathBuf};

use lobass_core::Context;
use lobass_model::LoraConfig;
use lobass_run::Plan;
use lobass_train::{Checkpoints, Dpo, Every, TrainConfig};

use super::part::Part;
use super::record::TrainingRecord;
use crate::error::Result;
use crate::model::{Model, Pieces, Room};
use crate::sequences::Sequences;
use crate::settings::{DataSettings, EvalSettings};

/// The directory of states, in that of a reference.
const STATE: &str = "state";

/// Whether an interrupted attempt left a state in the directory of a reference.
pub(crate) fn has_state(reference: &Path) -> bool {
    reference.join(STATE).exists()
}

/// A request to train a reference.
#[derive(Debug)]
pub(crate) struct TrainRequest<'a> {
    /// The model that training starts from.
    pub(crate) base: &'a Model,
    /// The pool and its encoder.
    pub(crate) sequences: &'a Sequences,
    /// The plan of the pool.
    pub(crate) plan: &'a Plan,
    /// How the files of held-out rows are read.
    pub(crate) data: &'a DataSettings,
    /// The recipe: epochs, batch size, learning rate.
    pub(crate) recipe: &'a TrainConfig,
    /// The adapter that is trained; `None` trains all weights.
    pub(crate) adapter: Option<&'a LoraConfig>,
    /// The preference objective; `None` is supervised fine-tuning.
    pub(crate) dpo: Option<Dpo>,
    /// The model that margins are measured from; `None` for the one that training starts from.
    pub(crate) anchor: Option<&'a Model>,
    /// The text before the responses that are trained on.
    pub(crate) context: Context,
    /// The rows of the pool that are trained on.
    pub(crate) part: Part,
    /// The held-out rows.
    pub(crate) eval: &'a EvalSettings,
    /// The seed of the choice of held-out rows.
    pub(crate) eval_seed: u64,
    /// Whether the model of every epoch is kept.
    pub(crate) trajectory: bool,
    /// Steps between two states; `None` saves as often as 5 % of the time allows.
    pub(crate) save_every: Option<usize>,
    /// Threads; at least 1.
    pub(crate) threads: usize,
    /// The files of further held-out rows.
    pub(crate) eval_paths: &'a [PathBuf],
    /// The directory of the checkpoint or the adapter.
    pub(crate) out: &'a Path,
}

impl TrainRequest<'_> {
    /// The record of this training, without an outcome.
    pub(super) fn record(&self) -> Result<TrainingRecord> {
        let eval_files = self.eval_paths.iter().map(|path| lobass_data::fingerprint(path));
        Ok(TrainingRecord {
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            base: self.base.key.weights_digest.clone(),
            plan: self.plan.id(),
            planned: self.plan.summary().into_iter().map(|(name, words)| (name.to_owned(), words)).collect(),
            recipe: self.recipe.clone(),
            adapter: self.adapter.map(|adapter| adapter.on(self.base.checkpoint.spec())),
            frozen_dtype: self.adapter.map(|_| self.base.key.dtype),
            rounding: self.base.key.rounding,
            dpo: self.dpo,
            anchor: self.anchor.map(|anchor| anchor.key.weights_digest.clone()),
            context: self.context,
            part: self.part,
            federation: None,
            trajectory: self.trajectory,
            eval_rows: self.eval.rows,
            eval_files: eval_files.collect::<Result<_, _>>()?,
            template_now: self.plan.template.now.clone(),
            outcome: None,
        })
    }

    /// How the base is in memory.
    ///
    /// - `longest`: tokens of the longest example
    ///
    /// # Errors
    /// If a limit on memory is too small.
    pub(super) fn room(&self, longest: usize) -> Result<Room> {
        match self.pieces(longest) {
            Some(pieces) => self.base.room(pieces, self.recipe.recompute),
            None => Ok(Room::Whole { recompute: self.recipe.recompute }),
        }
    }

    /// What of an adapter is computed at once.
    pub(super) fn pieces(&self, longest: usize) -> Option<Pieces<'_>> {
        let tokens = self.recipe.micro_batch_tokens.max(longest);
        Some(Pieces { lora: self.adapter?, tokens, threads: self.threads })
    }

    /// Whether an interrupted attempt left a state that can be resumed.
    pub(crate) fn has_state(&self) -> bool {
        has_state(self.out)
    }

    /// The directory of states, and how often they are written.
    pub(super) fn checkpoints(&self) -> Checkpoints {
        let every = Every::steps_or_time(self.save_every);
        Checkpoints { dir: self.out.join(STATE), every, keep: 2 }
    }
}

/// Checks that a limit on memory is enough, as far as that is known before the rows are.
///
/// # Errors
/// If the limit is too small.
pub(crate) fn check_memory(request: &TrainRequest<'_>) -> Result<()> {
    request.room(0).map(|_| ())
}
