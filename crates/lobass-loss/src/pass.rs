//! One pass over sequences: check, plan, run, and an answer for each.

use lobass_core::Sequence;

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
        let found = self.pass(Reach::Scored, sequences, |batch| {
            let hidden = self.model().hidden_states_of(batch.packed(), batch.rows());
            let (rows, labels): (Vec<usize>, Vec<u32>) = batch.losses().iter().copied().unzip();
            let verdicts = verdicts(judge, self.model(), &select_rows(hidden, &rows), &labels);
            let answer = |at: &Answer| (at.sequence, answer(&at.taken_from(&verdicts)));
            batch.answers().iter().map(answer).collect()
        })?;
        Ok(found.into_iter().map(|found| found.unwrap_or_else(|| answer(&[]))).collect())
    }
}
