//! One pass over sequences: check, plan, run, and an answer for each.

use lobass_core::Sequence;
use lobass_model::Decoder;

use crate::judge::verdicts;
use crate::plan::{Answer, Batch, Plan, Reach};
use crate::rows::select_rows;
use crate::{Engine, Error, Judge, check_ids};

impl Engine {
    /// Runs sequences, and returns an answer for each, in order; `None` for those of which nothing is run.
    ///
    /// `of_batch` gives the answers of the sequences in a batch. Sequences that are alike share one.
    pub(crate) fn pass<A: Clone + Send>(
        &self,
        reach: Reach,
        sequences: &[Sequence],
        of_batch: impl Fn(&Batch) -> Vec<(usize, A)> + Sync,
    ) -> Result<Vec<Option<A>>, Error> {
        check_ids(self.model(), sequences)?;
        let plan = Plan::reaching(reach, sequences, &self.limits());
        let mut known: Vec<Option<A>> = vec![None; sequences.len()];
        for (sequence, answer) in self.run(&plan, sequences, of_batch)?.into_iter().flatten() {
            known[sequence] = Some(answer);
        }
        let of = |at: usize| plan.run_as(at).and_then(|other| known[other].clone());
        Ok((0..sequences.len()).map(of).collect())
    }

    /// Judges the predictions of every sequence's scored tokens, and returns what `answer` makes of the verdicts, which
    /// it gets in order.
    ///
    /// # Errors
    /// [`Error::TokenOutOfRange`] for an id that the model has no embedding for, [`Error::Device`] if the device
    /// fails.
    pub fn judged<J: Judge + ?Sized, A: Clone + Send>(
        &self,
        judge: &J,
        sequences: &[Sequence],
        answer: impl Fn(&[J::Verdict]) -> A + Sync,
    ) -> Result<Vec<A>, Error> {
        let found = Self::judged_by_each([self], judge, sequences, answer)?;
        Ok(found.into_iter().map(|[found]| found).collect())
    }

    /// [`Engine::judged`] by several engines in one pass, batched as the first one batches.
    ///
    /// # Panics
    /// If there are several, and their models do not share their layers.
    pub(crate) fn judged_by_each<const N: usize, J: Judge + ?Sized, A: Clone + Send>(
        engines: [&Self; N],
        judge: &J,
        sequences: &[Sequence],
        answer: impl Fn(&[J::Verdict]) -> A + Sync,
    ) -> Result<Vec<[A; N]>, Error> {
        let models = engines.map(Self::model);
        models.into_iter().skip(1).try_for_each(|model| check_ids(model, sequences))?;
        let found = engines[0].pass(Reach::Scored, sequences, |batch| {
            let hidden = Decoder::hidden_states_of_each(models, batch.packed(), batch.rows());
            let mut hidden = hidden.into_iter().zip(models);
            let (rows, labels): (Vec<usize>, Vec<u32>) = batch.losses().iter().copied().unzip();
            let verdicts: [Vec<J::Verdict>; N] = std::array::from_fn(|_| {
                let of = hidden.next();
                of.map(|(hidden, model)| verdicts(judge, model, &select_rows(hidden, &rows), &labels))
                    .unwrap_or_default()
            });
            let answers =
                |at: &Answer| (at.sequence, verdicts.each_ref().map(|found| answer(&at.taken_from(found))));
            batch.answers().iter().map(answers).collect()
        })?;
        let nothing = || std::array::from_fn(|_| answer(&[]));
        Ok(found.into_iter().map(|found| found.unwrap_or_else(nothing)).collect())
    }
}
