//! The stage of a model: sequences to losses.

use lobass_core::{Detail, LossEngine, Sequence};

use crate::commit;
use crate::losses::{self, RowLoss};
use crate::rows::EncodedRow;
use crate::{Error, ModelKey, Progress, Stage, WorkDir};

impl WorkDir {
    /// Scores every shard that this model has not scored yet.
    ///
    /// # Errors
    /// [`Error::TokenOutOfRange`] if the tokenizer has tokens that the model has not, [`Error::Engine`] if the engine
    /// fails. Shards committed before stay.
    pub fn score<E: LossEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        detail: Detail,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let stage = stage_name(model, detail);
        let mut progress = Progress {
            stage: Stage::Score(model.role.clone()),
            rows_done: 0,
            rows_resumed: 0,
            n_rows: self.plan.n_rows(),
            n_tokens: 0,
        };
        for &shard in &self.plan.shards {
            if self.find(&stage, shard)?.is_some() {
                progress.rows_resumed += shard.n_rows;
            } else {
                let rows = self.rows(shard)?;
                check_ids(&rows, model, engine.vocab_size())?;
                let (numbers, sequences): (Vec<u64>, Vec<Sequence>) =
                    rows.into_iter().filter_map(|row| Some((row.row, row.sequence?))).unzip();
                let found = engine.losses(&sequences, detail).map_err(|source| Error::Engine {
                    model: model.role.clone(),
                    shard: shard.id,
                    source: Box::new(source),
                })?;
                let found: Vec<RowLoss> =
                    numbers.into_iter().zip(found).map(|(row, loss)| RowLoss::new(row, loss)).collect();
                let (bytes, digest) = losses::serialize(&found, self.store.root())?;
                commit::commit(&self.store, &self.plan_id, &stage, shard, digest, &bytes)?;
                progress.n_tokens += sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum::<u64>();
            }
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        Ok(())
    }
}

/// Units with a loss for every token are units of their own.
pub(crate) fn stage_name(model: &ModelKey, detail: Detail) -> String {
    match detail {
        Detail::Sum => model.stage(),
        Detail::PerToken => format!("{}-per-token", model.stage()),
    }
}

fn check_ids(rows: &[EncodedRow], model: &ModelKey, vocab_size: usize) -> Result<(), Error> {
    for row in rows {
        let ids = row.sequence.as_ref().map(Sequence::input_ids).unwrap_or_default();
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            let (row, key, model) = (row.row, row.key.clone(), model.role.clone());
            return Err(Error::TokenOutOfRange { row, key, id, model, vocab_size });
        }
    }
    Ok(())
}
