//! The training record of the model at the end, as `lobass train` writes one: what it is on, and the rows it has not seen.

use std::path::Path;

use lobass_core::{Context, Digest, Sequence};
use lobass_model::Checkpoint;
use lobass_run::{Plan, WorkDir};
use lobass_train::TrainConfig;
use serde_json::json;

use super::opened::Opened;
use super::report::RoundReport;
use super::settings::FederatedSettings;
use crate::error::Result;
use crate::reference::{Part, Trained, TrainingRecord};

/// The program in a record. What clients did in rounds is in the directory above the model.
const TOOL: &str = concat!("lobass ", env!("CARGO_PKG_VERSION"), " federate train");

/// Everything that a record tells.
pub(super) struct ModelRecord<'a> {
    pub(super) opened: &'a Opened,
    pub(super) plan: &'a Plan,
    pub(super) work: &'a WorkDir,
    pub(super) settings: &'a FederatedSettings,
    pub(super) rounds: &'a [RoundReport],
    /// The directory of the base of the adapter, if it is not the one that everyone started from.
    pub(super) base: Option<&'a Path>,
}

impl ModelRecord<'_> {
    /// Writes the record beside the model.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        self.record()?.write(dir)
    }

    fn record(&self) -> Result<TrainingRecord> {
        let Opened { base, recipe, train, .. } = self.opened;
        let adapter = train.adapter();
        let planned = self.plan.summary().into_iter().map(|(name, words)| (name.to_owned(), words));
        Ok(TrainingRecord {
            tool: TOOL.to_owned(),
            base: self.base_digest()?,
            plan: self.plan.id(),
            planned: planned.collect(),
            recipe: recipe.clone(),
            adapter: adapter.map(|lora| lora.on(base.checkpoint.spec())),
            frozen_dtype: adapter.map(|_| base.key.dtype),
            rounding: base.key.rounding,
            dpo: None,
            anchor: None,
            context: Context::Prompt,
            part: Part::All,
            federation: Some(json!(self.settings)),
            trajectory: false,
            eval_rows: self.settings.eval_rows,
            eval_files: Vec::new(),
            template_now: self.plan.template.now.clone(),
            outcome: Some(self.outcome()?),
        })
    }

    /// The digest of the weights that the model is on: with the rest in it, the base is another one.
    fn base_digest(&self) -> Result<Digest> {
        match self.base {
            Some(dir) => Ok(Checkpoint::open(dir)?.weights_digest().into()),
            None => Ok(self.opened.base.key.weights_digest.clone()),
        }
    }

    /// The outcome over all clients. Where `lobass train` has one first step and one last step, the losses are the means
    /// over the clients of the first round, and over those of the last one.
    fn outcome(&self) -> Result<Trained> {
        let trained: Vec<&RoundReport> =
            self.rounds.iter().filter(|round| !round.clients.is_empty()).collect();
        let parts = || trained.iter().flat_map(|round| &round.clients).map(|&client| self.rows(client));
        let recipe: &TrainConfig = &self.opened.recipe;
        let n_tokens = |rows: &[Sequence]| rows.iter().map(Sequence::n_tokens).sum::<usize>() as u64;
        Ok(Trained {
            n_examples: self.opened.clients.rows.iter().map(Vec::len).sum(),
            held_out_rows: self.opened.held_out.rows().collect(),
            unscored: self.work.unscored()?,
            unread: self.work.unread()?,
            n_steps: parts().map(|rows| recipe.n_steps(rows.len())).sum(),
            n_tokens: parts().map(n_tokens).sum::<u64>() * u64::from(recipe.epochs),
            first_loss: trained.first().map_or(0.0, |round| mean(&round.first_losses)),
            last_loss: trained.last().map_or(0.0, |round| mean(&round.last_losses)),
            held_out_before: self.rounds.first().and_then(|round| round.held_out),
            held_out_after: self.rounds.last().and_then(|round| round.held_out),
            mixed: Vec::new(),
        })
    }

    fn rows(&self, client: usize) -> &[Sequence] {
        &self.opened.clients.rows[client]
    }
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}
