//! The stage of a model in one process: all its units, one after the other.

use std::collections::BTreeSet;

use lobass_core::{Detail, LossEngine};

use crate::commit::{ROWS, committed};
use crate::unit::stage_name;
use crate::{Attempts, Error, ModelKey, Progress, Shard, Stage, Unit, WorkDir};

impl WorkDir {
    /// Scores every shard that this model has not scored yet, by [`WorkDir::run_unit`].
    ///
    /// # Errors
    /// The errors of [`WorkDir::run_unit`]. Shards committed before stay.
    pub fn score<E: LossEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        detail: Detail,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        self.score_behind(model, engine, detail, &mut |_| true, observe)
    }

    /// [`WorkDir::score`], while another thread still encodes rows. `encoded` waits until a shard is encoded, and
    /// returns whether it ever will be.
    ///
    /// # Errors
    /// The errors of [`WorkDir::score`]; [`Error::Unfinished`] at the first shard that will never be encoded.
    pub fn score_behind<E: LossEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        detail: Detail,
        encoded: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let done: BTreeSet<u32> = committed(&self.store, &stage_name(model, detail))?;
        let mut progress = Progress::new(Stage::Score(model.role.to_string()), self.plan.n_rows());
        for &shard in &self.plan.shards {
            if done.contains(&shard.id) {
                progress.rows_resumed += shard.n_rows;
            } else if !encoded(shard) {
                let (all, stage) = (self.plan.shards.len(), ROWS.to_owned());
                return Err(Error::Unfinished { missing: 1, all, shard: shard.id, stage });
            } else {
                let unit = Unit { model, detail, shard };
                let receipt = self.run_unit(unit, engine, &Attempts::unlimited(), &mut |_| ())?;
                progress.n_tokens += receipt.n_tokens;
            }
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        Ok(())
    }
}
