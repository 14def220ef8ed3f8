//! The stage of a model: sequences to losses.

use lobass_core::{Detail, LossEngine, Sequence, SequenceLoss};

use crate::commit;
use crate::losses::{self, RowLoss};
use crate::rows::EncodedRow;
use crate::{Error, ModelKey, Progress, Shard, Stage, WorkDir};

impl WorkDir {
    /// The sequences of every shard, as an engine gets them in one call: chosen sides, then rejected ones.
    ///
    /// # Errors
    /// If a shard has not been encoded or cannot be read.
    pub fn calls(&self) -> impl Iterator<Item = Result<Vec<Sequence>, Error>> + '_ {
        self.plan.shards.iter().map(|&shard| self.call(shard))
    }

    /// The sequences of one shard, as an engine gets them in one call.
    ///
    /// # Errors
    /// If it has not been encoded or cannot be read.
    pub fn call(&self, shard: Shard) -> Result<Vec<Sequence>, Error> {
        Ok(sides(self.rows(shard)?).0)
    }

    /// Scores every shard that this model has not scored yet; of pairs both sides, in one call.
    ///
    /// With [`Detail::PerToken`] the loss of every token is kept, of pairs for the chosen side.
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
                let (sequences, shape) = sides(rows);
                let found = engine.losses(&sequences, detail).map_err(|source| Error::Engine {
                    model: model.role.clone(),
                    shard: shard.id,
                    source: Box::new(source),
                })?;
                let found = row_losses(&shape, found);
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

/// All sequences of a shard, chosen sides first, then rejected ones; and of each row that has any its number and
/// whether it is a pair.
fn sides(rows: Vec<EncodedRow>) -> (Vec<Sequence>, Vec<(u64, bool)>) {
    let (mut chosen, mut rejected, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let Some(sequence) = row.sequence else { continue };
        shape.push((row.row, row.rejected.is_some()));
        chosen.push(sequence);
        rejected.extend(row.rejected);
    }
    chosen.extend(rejected);
    (chosen, shape)
}

/// The losses of [`sides`], back with their rows.
fn row_losses(shape: &[(u64, bool)], mut chosen: Vec<SequenceLoss>) -> Vec<RowLoss> {
    let mut rejected = chosen.split_off(shape.len()).into_iter();
    let rows = shape.iter().zip(chosen);
    rows.map(|(&(row, is_pair), loss)| {
        let other = is_pair.then(|| rejected.next().expect("an engine answers for every sequence"));
        RowLoss::new(row, loss, other.as_ref())
    })
    .collect()
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
        let mut ids = [&row.sequence, &row.rejected].into_iter().flatten().flat_map(Sequence::input_ids);
        if let Some(&id) = ids.find(|&&id| id as usize >= vocab_size) {
            let (row, key, model) = (row.row, row.key.clone(), model.role.clone());
            return Err(Error::TokenOutOfRange { row, key, id, model, vocab_size });
        }
    }
    Ok(())
}
