//! The stage that makes a vector of each row, alone or in the pass that scores.

use std::cell::RefCell;
use std::collections::BTreeSet;

use lobass_core::{Detail, EmbeddingEngine, LossEngine, Sequence, SequenceLoss};

use crate::commit::{Pending, ROWS, committed};
use crate::unit::{check_ids, sides, stage_name};
use crate::vectors::{self, RowVector};
use crate::{Attempts, Error, ModelKey, Progress, Shard, Stage, Unit, WorkDir};

/// The name of a model's units of vectors.
pub(crate) fn vector_stage(model: &ModelKey) -> String {
    format!("rds-{}", model.units())
}

/// An engine whose vectors are kept while it is asked for losses.
struct Both<'a, E> {
    engine: &'a E,
    vectors: RefCell<Option<Vec<Vec<f32>>>>,
}

impl<E: EmbeddingEngine> LossEngine for Both<'_, E> {
    type Error = E::Error;

    fn vocab_size(&self) -> usize {
        self.engine.vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, E::Error> {
        let (losses, vectors) =
            self.engine.losses_and_embeddings(sequences, detail)?.into_iter().unzip::<_, _, Vec<_>, _>();
        self.vectors.replace(Some(vectors));
        Ok(losses)
    }
}

impl WorkDir {
    /// Whether a model has made vectors of every shard.
    ///
    /// # Errors
    /// If a commit cannot be read.
    pub fn is_embedded(&self, model: &ModelKey) -> Result<bool, Error> {
        let done = committed(&self.store, &vector_stage(model))?;
        Ok(self.plan.shards.iter().all(|shard| done.contains(&shard.id)))
    }

    /// Makes a vector of every row that has a sequence, in every shard that this model has made none of yet; of pairs
    /// of the chosen side.
    ///
    /// With `losses`, shards without losses of that detail are scored as well, in the same pass: their units are those
    /// of [`WorkDir::score`].
    ///
    /// # Errors
    /// The errors of [`WorkDir::run_unit`]. Shards committed before stay.
    pub fn embed<E: EmbeddingEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        losses: Option<Detail>,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        self.embed_while(model, engine, losses, &mut |_| true, observe)
    }

    /// [`WorkDir::embed`], while `goes_on` returns true before each shard that is not done.
    ///
    /// # Errors
    /// Those of [`WorkDir::embed`], and [`Error::Unfinished`] if it was stopped.
    pub fn embed_while<E: EmbeddingEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        losses: Option<Detail>,
        goes_on: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let done = committed(&self.store, &vector_stage(model))?;
        let scored: Option<BTreeSet<u32>> =
            losses.map(|detail| committed(&self.store, &stage_name(model, detail))).transpose()?;
        let is_scored = |shard: Shard| scored.as_ref().is_none_or(|scored| scored.contains(&shard.id));
        let mut progress = Progress::new(Stage::Embed(model.role.to_string()), self.plan.n_rows());
        for &shard in &self.plan.shards {
            match (done.contains(&shard.id), is_scored(shard)) {
                (true, true) => progress.rows_resumed += shard.n_rows,
                _ if !goes_on(shard) => {
                    let (all, stage) = (self.plan.shards.len(), vector_stage(model));
                    return Err(Error::Unfinished { missing: 1, all, shard: shard.id, stage });
                }
                (false, true) => progress.n_tokens += self.embed_shard(model, engine, shard)?,
                (is_embedded, false) => {
                    let detail = losses.unwrap_or_default();
                    let unit = Unit { model, detail, shard };
                    progress.n_tokens += if is_embedded {
                        self.run_unit(unit, engine, &Attempts::unlimited(), &mut |_| ())?.n_tokens
                    } else {
                        self.embed_and_score(unit, engine)?
                    };
                }
            }
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        Ok(())
    }

    /// Both units of a shard; says how many tokens were run.
    fn embed_and_score<E: EmbeddingEngine>(&self, unit: Unit<'_>, engine: &E) -> Result<u64, Error> {
        let both = Both { engine, vectors: RefCell::default() };
        let receipt = self.run_unit(unit, &both, &Attempts::unlimited(), &mut |_| ())?;
        // Another process may have scored the shard meanwhile.
        let Some(vectors) = both.vectors.take() else {
            return self.embed_shard(unit.model, engine, unit.shard);
        };
        let (_, shape) = sides(self.rows(unit.shard)?, unit.model.context);
        self.commit_vectors(unit.model, unit.shard, &shape, vectors)?;
        Ok(receipt.n_tokens)
    }

    fn embed_shard<E: EmbeddingEngine>(
        &self,
        model: &ModelKey,
        engine: &E,
        shard: Shard,
    ) -> Result<u64, Error> {
        let mut rows = self.rows(shard)?;
        for row in &mut rows {
            row.rejected = None;
        }
        check_ids(&rows, model, engine.vocab_size())?;
        let (sequences, shape) = sides(rows, model.context);
        let vectors = engine.embeddings(&sequences).map_err(|source| Error::Engine {
            model: model.role.to_string(),
            shard: shard.id,
            source: Box::new(source),
        })?;
        self.commit_vectors(model, shard, &shape, vectors)?;
        Ok(sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum())
    }

    /// Commits the vectors of a shard; those of rejected sides, which come last, are left out.
    fn commit_vectors(
        &self,
        model: &ModelKey,
        shard: Shard,
        shape: &[(u64, bool)],
        vectors: Vec<Vec<f32>>,
    ) -> Result<(), Error> {
        let rows = shape.iter().zip(vectors).map(|(&(row, _), vector)| RowVector { row, vector });
        let stage = vector_stage(model);
        let (data, digest) = vectors::serialize(&rows.collect::<Vec<_>>(), &self.store.path(&stage))?;
        let mut pending = Pending::new(&self.plan_id, &stage, shard, digest, data);
        pending.store_data(&self.store)?;
        pending.commit(&self.store).map(|_| ())
    }

    /// The vectors of a shard, checked against their commit.
    pub(crate) fn vectors(&self, model: &ModelKey, shard: Shard) -> Result<Vec<RowVector>, Error> {
        let stage = vector_stage(model);
        let commit = self.committed(&stage, shard)?;
        let bytes = self.store.get(&commit.file)?;
        let found = self.data(&commit, bytes, vectors::read)?;
        self.check(&commit, &vectors::digest(&found))?;
        Ok(found)
    }

    /// A name for all vectors of a model and the rows that they belong to. It does not depend on who computed them.
    pub(crate) fn vectors_digest(&self, model: &ModelKey) -> Result<String, Error> {
        let mut hash = crate::commit::ValueHash::default();
        hash.text(&self.plan_id);
        for stage in [ROWS.to_owned(), vector_stage(model)] {
            hash.text(&stage);
            for &shard in &self.plan.shards {
                hash.text(&self.committed(&stage, shard)?.digest);
            }
        }
        Ok(hash.hex())
    }
}
