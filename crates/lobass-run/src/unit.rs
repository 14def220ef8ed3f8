//! The one path on which losses are computed: a shard under a model, once.

use lobass_core::{Context, Detail, LossEngine, ModelRole, Sequence, SequenceLoss};
use serde::{Deserialize, Serialize};

use crate::attempts::Attempt;
use crate::commit::{Ending, Pending};
use crate::losses::{self, RowLoss};
use crate::rows::EncodedRow;
use crate::{Attempts, Error, ModelKey, Shard, WorkDir};

/// A shard under a model: what one worker does at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit<'a> {
    /// The model.
    pub model: &'a ModelKey,
    /// The detail of the losses; units with other detail are other units.
    pub detail: Detail,
    /// The shard.
    pub shard: Shard,
}

/// The result of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The model's role.
    pub model: ModelRole,
    /// The shard.
    pub shard: u32,
    /// How it ended.
    pub state: UnitState,
    /// Rows of the shard.
    pub n_rows: u64,
    /// Tokens that were run here. Duplicates and shared prefixes count as often as they occur.
    pub n_tokens: u64,
    /// Digest of the committed values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// How a unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// It was computed and committed.
    Committed,
    /// It had been committed before; nothing was computed.
    Skipped,
    /// Somebody else committed the same numbers meanwhile.
    Duplicate,
    /// Somebody else committed other numbers meanwhile, which stand; that they differ is noted in the work directory.
    Differs,
    /// It was tried as often as it may be, and is given up.
    Quarantined,
}

impl UnitState {
    /// Whether the unit has a commit now.
    pub fn is_done(self) -> bool {
        self != Self::Quarantined
    }
}

/// Where a unit is on its way; each is reported after it has happened.
#[derive(Debug, Clone)]
pub enum Step {
    /// It has no commit yet.
    Missing,
    /// Its try is marked.
    Begun(Attempt),
    /// Its losses are computed.
    Scored,
    /// Their data is in the work directory, but not committed yet.
    Stored,
    /// It is committed.
    Committed,
    /// The mark of its attempt was removed.
    Withdrawn,
}

impl WorkDir {
    /// Computes a unit and commits it, unless it has a commit. Any number of workers may do the same one at once: one
    /// commit counts.
    ///
    /// For pairs both sides are run in one call. With [`Detail::PerToken`] the loss of every token is kept, for pairs
    /// on the chosen side.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if the shard has not been encoded, [`Error::TokenOutOfRange`] if the tokenizer has tokens
    /// that the model has not, [`Error::Engine`] if the engine fails: such a try counts. [`Error::Store`] if the store
    /// fails: it does not.
    pub fn run_unit<E: LossEngine>(
        &self,
        unit: Unit<'_>,
        engine: &E,
        attempts: &Attempts,
        observe: &mut dyn FnMut(Step),
    ) -> Result<Receipt, Error> {
        if let Some(done_before) = self.receipt(unit)? {
            return Ok(done_before);
        }
        observe(Step::Missing);
        let stage = stage_name(unit.model, unit.detail);
        let Some(attempt) = Attempt::begin(&self.store, &self.plan_id, &stage, unit.shard, attempts)? else {
            return Ok(unit.receipt(UnitState::Quarantined, 0, None));
        };
        observe(Step::Begun(attempt.clone()));
        let receipt = self.compute(unit, &stage, engine, attempt.number, observe);
        let counts = matches!(
            receipt,
            Err(Error::Engine { .. } | Error::TokenOutOfRange { .. } | Error::Damaged { .. })
        );
        // A mark that cannot be removed changes nothing of a commit, and is garbage then.
        if !counts && attempt.withdraw().is_ok() {
            observe(Step::Withdrawn);
        }
        receipt
    }

    /// The receipt of a unit that has a commit.
    ///
    /// # Errors
    /// [`Error::Store`] if the store fails, [`Error::Damaged`] if the commit is of another plan.
    pub fn receipt(&self, unit: Unit<'_>) -> Result<Option<Receipt>, Error> {
        let commit = self.find(&stage_name(unit.model, unit.detail), unit.shard)?;
        Ok(commit.map(|commit| unit.receipt(UnitState::Skipped, 0, Some(commit.digest))))
    }

    fn compute<E: LossEngine>(
        &self,
        unit: Unit<'_>,
        stage: &str,
        engine: &E,
        attempt: Option<u32>,
        observe: &mut dyn FnMut(Step),
    ) -> Result<Receipt, Error> {
        let rows = self.rows(unit.shard)?;
        check_ids(&rows, unit.model, engine.vocab_size())?;
        let (sequences, shape) = sides(rows, unit.model.context);
        let found = engine.losses(&sequences, unit.detail).map_err(|source| Error::Engine {
            model: unit.model.role.to_string(),
            shard: unit.shard.id,
            source: Box::new(source),
        })?;
        let (data, digest) = losses::serialize(&row_losses(&shape, found), &self.store.path(stage))?;
        observe(Step::Scored);
        let mut pending = Pending::new(&self.plan_id, stage, unit.shard, digest, data);
        if let Some(attempt) = attempt {
            pending = pending.on_attempt(attempt);
        }
        pending.store_data(&self.store)?;
        observe(Step::Stored);
        let (ending, commit) = pending.commit(&self.store)?;
        observe(Step::Committed);
        let state = match ending {
            Ending::Committed => UnitState::Committed,
            Ending::Duplicate => UnitState::Duplicate,
            Ending::Differs => UnitState::Differs,
        };
        let n_tokens = sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum();
        Ok(unit.receipt(state, n_tokens, Some(commit.digest)))
    }

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
        Ok(sides(self.rows(shard)?, Context::Prompt).0)
    }
}

impl Unit<'_> {
    fn receipt(&self, state: UnitState, n_tokens: u64, digest: Option<String>) -> Receipt {
        let (model, shard) = (self.model.role.clone(), self.shard);
        Receipt { model, shard: shard.id, state, n_rows: shard.n_rows, n_tokens, digest }
    }
}

/// All sequences of a shard in a context, chosen sides first, then rejected ones; and of each row that has any its
/// number and whether it is a pair.
pub(crate) fn sides(rows: Vec<EncodedRow>, context: Context) -> (Vec<Sequence>, Vec<(u64, bool)>) {
    let (mut chosen, mut rejected, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let Some(sequence) = row.sequence else { continue };
        shape.push((row.row, row.rejected.is_some()));
        chosen.push(context.of(sequence));
        rejected.extend(row.rejected.map(|sequence| context.of(sequence)));
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

pub(crate) fn check_ids(rows: &[EncodedRow], model: &ModelKey, vocab_size: usize) -> Result<(), Error> {
    for row in rows {
        let mut ids = [&row.sequence, &row.rejected].into_iter().flatten().flat_map(Sequence::input_ids);
        if let Some(&id) = ids.find(|&&id| id as usize >= vocab_size) {
            let (row, key, model) = (row.row, row.key.clone(), model.role.to_string());
            return Err(Error::TokenOutOfRange { row, key, id, model, vocab_size });
        }
    }
    Ok(())
}
