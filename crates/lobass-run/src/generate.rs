//! The stages that draw samples of each row, and that compute their losses under other models.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine, Prompt, Sampling, SamplingEngine, Sequence};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commit::{Pending, committed, to_json};
use crate::drawn::{self, RowSamples, continued};
use crate::losses::{self, RowLoss};
use crate::unit::check_ids;
use crate::{Error, ModelKey, Part, Progress, Shard, Stage, WorkDir};

/// What samples are drawn by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawnBy {
    /// The model.
    pub model: ModelKey,
    /// How it draws.
    pub sampling: Sampling,
    /// The rows that are drawn for; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// Every `of`-th row of a pool, from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The first row.
    pub index: u64,
    /// The number of slices.
    pub of: u64,
}

impl Slice {
    /// Whether a row is in it.
    pub fn has(self, row: u64) -> bool {
        row % self.of == self.index
    }
}

impl DrawnBy {
    /// The name of the units of samples.
    pub(crate) fn stage(&self) -> String {
        format!("generated-{}-{}", self.model.units(), self.name())
    }

    /// The name of the units of the samples' losses under a model.
    pub(crate) fn stage_under(&self, model: &ModelKey) -> String {
        format!("generated-nll-{}-of-{}-{}", model.units(), self.model.units(), self.name())
    }

    /// A name of how samples are drawn.
    fn name(&self) -> String {
        let digest = match self.slice {
            None => Sha256::digest(to_json(&self.sampling)),
            Some(slice) => Sha256::digest(to_json(&(&self.sampling, slice))),
        };
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl WorkDir {
    /// Whether every shard has samples.
    ///
    /// # Errors
    /// If a commit cannot be read.
    pub fn is_generated(&self, by: &DrawnBy) -> Result<bool, Error> {
        self.has_all(&by.stage())
    }

    /// Whether the samples of every shard have losses under a model.
    ///
    /// # Errors
    /// If a commit cannot be read.
    pub fn are_samples_scored(&self, by: &DrawnBy, under: &ModelKey) -> Result<bool, Error> {
        self.has_all(&by.stage_under(under))
    }

    fn has_all(&self, stage: &str) -> Result<bool, Error> {
        let done = committed(&self.store, stage)?;
        Ok(self.plan.shards.iter().all(|shard| done.contains(&shard.id)))
    }

    /// Draws samples of every row that has a sequence, in every shard of a part that has none yet. The prompt is what comes
    /// before the last response of the row.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if a shard has not been encoded, or `goes_on` returned false; [`Error::Engine`] if the engine
    /// fails. Shards committed before stay.
    pub fn generate_while<E: SamplingEngine>(
        &self,
        by: &DrawnBy,
        engine: &E,
        part: Part,
        goes_on: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let progress = Progress::new(Stage::Generate(by.model.role.to_string()), self.plan.n_rows());
        self.each_open_shard(&by.stage(), part, progress, goes_on, observe, &mut |shard| {
            self.generate_shard(by, engine, shard)
        })
    }

    /// Computes the losses of all samples under another model, in every shard that has none yet.
    ///
    /// # Errors
    /// The errors of [`WorkDir::generate_while`].
    pub fn score_samples_while<E: LossEngine>(
        &self,
        by: &DrawnBy,
        under: &ModelKey,
        engine: &E,
        part: Part,
        goes_on: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let progress = Progress::new(Stage::Score(under.role.to_string()), self.plan.n_rows());
        self.each_open_shard(&by.stage_under(under), part, progress, goes_on, observe, &mut |shard| {
            self.score_samples_of(by, under, engine, shard)
        })
    }

    /// Runs `compute` for each shard without a commit; it gives the tokens that were run.
    fn each_open_shard(
        &self,
        stage: &str,
        part: Part,
        mut progress: Progress,
        goes_on: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
        compute: &mut dyn FnMut(Shard) -> Result<u64, Error>,
    ) -> Result<(), Error> {
        let done = committed(&self.store, stage)?;
        for &shard in self.plan.shards.iter().filter(|&&shard| part.has(shard)) {
            if done.contains(&shard.id) {
                progress.rows_resumed += shard.n_rows;
            } else if goes_on(shard) {
                progress.n_tokens += compute(shard)?;
            } else {
                let (all, stage) = (self.plan.shards.len(), stage.to_owned());
                return Err(Error::Unfinished { missing: 1, all, shard: shard.id, stage });
            }
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        Ok(())
    }

    fn generate_shard<E: SamplingEngine>(
        &self,
        by: &DrawnBy,
        engine: &E,
        shard: Shard,
    ) -> Result<u64, Error> {
        let rows = self.rows(shard)?;
        check_ids(&rows, &by.model, engine.vocab_size())?;
        let rows: Vec<(u64, String, Sequence)> = rows
            .into_iter()
            .filter(|row| by.slice.is_none_or(|slice| slice.has(row.row)))
            .filter_map(|row| Some((row.row, row.key.as_str().to_owned(), row.sequence?)))
            .collect();
        let prompts: Vec<Prompt<'_>> =
            rows.iter().map(|(_, key, sequence)| Prompt { key, ids: sequence.prompt() }).collect();
        let found = engine.samples(&prompts, &by.sampling).map_err(|source| Error::Engine {
            model: by.model.role.to_string(),
            shard: shard.id,
            source: Box::new(source),
        })?;
        let found = rows.iter().zip(found);
        let found: Vec<RowSamples> =
            found.map(|((row, ..), samples)| RowSamples { row: *row, samples }).collect();
        let stage = by.stage();
        let (data, digest) = drawn::serialize(&found, &self.store.path(&stage))?;
        self.commit_data(&stage, shard, digest, data)?;
        let n_new: usize = found.iter().flat_map(|row| &row.samples).map(|sample| sample.ids.len()).sum();
        Ok(n_new as u64)
    }

    fn score_samples_of<E: LossEngine>(
        &self,
        by: &DrawnBy,
        under: &ModelKey,
        engine: &E,
        shard: Shard,
    ) -> Result<u64, Error> {
        let rows = self.rows(shard)?;
        check_ids(&rows, under, engine.vocab_size())?;
        let (numbers, sequences): (Vec<u64>, Vec<Sequence>) = self.continued(by, shard)?.into_iter().unzip();
        let found = engine.losses(&sequences, Detail::Sum).map_err(|source| Error::Engine {
            model: under.role.to_string(),
            shard: shard.id,
            source: Box::new(source),
        })?;
        let found = numbers.into_iter().zip(found);
        let found: Vec<RowLoss> = found.map(|(row, loss)| RowLoss::new(row, loss, None)).collect();
        let stage = by.stage_under(under);
        let (data, digest) = losses::serialize(&found, &self.store.path(&stage))?;
        self.commit_data(&stage, shard, digest, data)?;
        Ok(sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum())
    }

    /// The samples of a shard behind their prompts, each with the number of its row.
    fn continued(&self, by: &DrawnBy, shard: Shard) -> Result<Vec<(u64, Sequence)>, Error> {
        let sequences: BTreeMap<u64, Sequence> = self.sequences_of(shard)?.into_iter().collect();
        let mut found = Vec::new();
        for RowSamples { row, samples } in self.samples(by, shard)? {
            let Some(sequence) = sequences.get(&row) else { continue };
            found.extend(samples.iter().map(|sample| (row, continued(sequence.prompt(), sample))));
        }
        Ok(found)
    }

    /// The samples of a shard, checked against their commit.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if it has none, [`Error::Damaged`] if its file is not what was committed.
    pub fn samples(&self, by: &DrawnBy, shard: Shard) -> Result<Vec<RowSamples>, Error> {
        let commit = self.committed(&by.stage(), shard)?;
        let found = self.data(&commit, self.store.get(&commit.file)?, drawn::read)?;
        self.check(&commit, &drawn::digest(&found))?;
        Ok(found)
    }

    /// The losses of a shard's samples under a model, in the order of the samples.
    pub(crate) fn sample_losses(
        &self,
        by: &DrawnBy,
        under: &ModelKey,
        shard: Shard,
    ) -> Result<Vec<RowLoss>, Error> {
        let commit = self.committed(&by.stage_under(under), shard)?;
        self.losses_of(&commit, self.store.get(&commit.file)?)
    }

    /// A name for all samples and losses of a set, and the rows that they belong to. It does not depend on who computed them.
    pub(crate) fn samples_digest(&self, by: &DrawnBy, under: &[ModelKey]) -> Result<String, Error> {
        let mut hash = crate::commit::ValueHash::default();
        hash.text(&self.plan_id);
        let further = under.iter().map(|model| by.stage_under(model));
        for stage in [crate::commit::ROWS.to_owned(), by.stage()].into_iter().chain(further) {
            hash.text(&stage);
            for &shard in &self.plan.shards {
                hash.text(&self.committed(&stage, shard)?.digest);
            }
        }
        Ok(hash.hex())
    }

    fn commit_data(&self, stage: &str, shard: Shard, digest: String, data: Vec<u8>) -> Result<(), Error> {
        let mut pending = Pending::new(&self.plan_id, stage, shard, digest, data);
        pending.store_data(&self.store)?;
        pending.commit(&self.store).map(|_| ())
    }
}
