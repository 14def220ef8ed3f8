//! The stage of a model in one process: all its units, one after the other.

use std::collections::BTreeSet;

use lobass_core::{Detail, LossEngine};

use crate::commit::committed;
use crate::unit::stage_name;
use crate::{Attempts, Error, ModelKey, Progress, Stage, Unit, WorkDir};

impl WorkDir {
    /// Scores every shard that this model has not scored yet, by [`WorkDir::run_unit`].
    ///
    /// # Errors
    /// As [`WorkDir::run_unit`]. Shards committed before stay.
    pub fn score<E: LossEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        detail: Detail,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let done: BTreeSet<u32> = committed(&self.store, &stage_name(model, detail))?;
        let mut progress = Progress::new(Stage::Score(model.role.clone()), self.plan.n_rows());
        for &shard in &self.plan.shards {
            if done.contains(&shard.id) {
                progress.rows_resumed += shard.n_rows;
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
