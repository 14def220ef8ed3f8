//! The stage of a model in one process: all its units, one after the other.

use std::collections::BTreeSet;

use lobass_core::{Detail, LossEngine};

use crate::commit::{ROWS, committed};
use crate::unit::stage_name;
use crate::{Attempts, Error, ModelKey, Part, Progress, Shard, Stage, Unit, WorkDir};

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
        self.score_part((model, engine), detail, Part::ALL, encoded, observe)
    }

    /// [`WorkDir::score_behind`] for the shards of a part.
    ///
    /// # Errors
    /// The errors of [`WorkDir::score_behind`].
    pub fn score_part<E: LossEngine>(
        &self,
        (model, engine): (&ModelKey, &E),
        detail: Detail,
        part: Part,
        encoded: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let mut stage = ModelStage::begin(self, model, engine, detail)?;
        for &shard in self.plan.shards.iter().filter(|&&shard| part.has(shard)) {
            stage.shard(shard, encoded, observe)?;
        }
        Ok(())
    }

    /// Scores every shard that two models have not scored yet, each shard under one and then under the other. That is
    /// for engines that share work on one shard. The files are those of two calls of [`WorkDir::score`].
    ///
    /// # Errors
    /// The errors of [`WorkDir::score_behind`].
    pub fn score_both<A: LossEngine, B: LossEngine>(
        &self,
        first: (&ModelKey, &A),
        second: (&ModelKey, &B),
        detail: Detail,
        encoded: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let mut first = ModelStage::begin(self, first.0, first.1, detail)?;
        let mut second = ModelStage::begin(self, second.0, second.1, detail)?;
        for &shard in &self.plan.shards {
            first.shard(shard, encoded, observe)?;
            second.shard(shard, encoded, observe)?;
        }
        Ok(())
    }
}

/// A model on its way through the shards.
struct ModelStage<'a, E> {
    work: &'a WorkDir,
    model: &'a ModelKey,
    engine: &'a E,
    detail: Detail,
    /// Shards that were committed before.
    done: BTreeSet<u32>,
    progress: Progress,
}

impl<'a, E: LossEngine> ModelStage<'a, E> {
    fn begin(work: &'a WorkDir, model: &'a ModelKey, engine: &'a E, detail: Detail) -> Result<Self, Error> {
        let done = committed(&work.store, &stage_name(model, detail))?;
        let progress = Progress::new(Stage::Score(model.role.to_string()), work.plan.n_rows());
        Ok(Self { work, model, engine, detail, done, progress })
    }

    fn shard(
        &mut self,
        shard: Shard,
        encoded: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let Self { work, model, engine, detail, progress, .. } = self;
        if self.done.contains(&shard.id) {
            progress.rows_resumed += shard.n_rows;
        } else if !encoded(shard) {
            let (all, stage) = (work.plan.shards.len(), ROWS.to_owned());
            return Err(Error::Unfinished { missing: 1, all, shard: shard.id, stage });
        } else {
            let unit = Unit { model, detail: *detail, shard };
            let receipt = work.run_unit(unit, *engine, &Attempts::unlimited(), &mut |_| ())?;
            progress.n_tokens += receipt.n_tokens;
        }
        progress.rows_done += shard.n_rows;
        observe(progress.clone());
        Ok(())
    }
}
