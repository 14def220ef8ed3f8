//! The computation for the losses of some sequences, without what no loss depends on.
//!
//! The plan depends on token ids alone, so it works for any template and for every model alike. Equal sequences are run
//! once. Nothing is run after the last scored position. A common beginning, such as a system prompt or a prompt with
//! several responses, is run once per batch.

mod batch;
mod prefixes;
mod work;

use std::ops::Range;

use lobass_core::Sequence;

pub(crate) use batch::Answer;
pub use batch::Batch;
use prefixes::{shared_rows, tree};
pub use work::Work;

/// How sequences may be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// About the number of rows of a batch: one sequence more or less, and those that it shares with the batch before.
    pub rows: usize,
    /// Batches that run at the same time. There are as many, or a multiple of that, if there are rows enough.
    pub lanes: usize,
    /// Sequences with more tokens are run as they are, since what the model computes for a token depends on the length
    /// of the whole (dynamic scaling of rotary embeddings).
    pub alone_beyond: Option<usize>,
}

/// Fewer rows are not worth a batch of their own.
const FEWEST_ROWS: usize = 256;

/// How far sequences are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Up to the last position whose prediction is scored.
    Scored,
    /// To the end.
    Whole,
}

/// The work in some sequences, cut into batches.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For each sequence the one that is run for it; itself, unless another one is the same. None if nothing is needed
    /// of it.
    run_as: Vec<Option<usize>>,
    /// The sequences that are run, in the order of their tokens, each with the rows it shares with the one before.
    ordered: Vec<(usize, usize)>,
    /// Which of those each batch runs.
    batches: Vec<Range<usize>>,
    reach: Reach,
    alone_beyond: Option<usize>,
}

impl Plan {
    /// Plans the work for losses. The same sequences and limits give the same plan.
    pub fn new(sequences: &[Sequence], limits: &Limits) -> Self {
        Self::reaching(Reach::Scored, sequences, limits)
    }

    /// Plans the work where every position is wanted, and not those alone whose prediction is scored: whole sequences,
    /// those too of which nothing is scored.
    pub fn whole(sequences: &[Sequence], limits: &Limits) -> Self {
        Self::reaching(Reach::Whole, sequences, limits)
    }

    pub(crate) fn reaching(reach: Reach, sequences: &[Sequence], limits: &Limits) -> Self {
        let content = |at: usize| reach.content(&sequences[at]);
        let mut needed: Vec<usize> =
            (0..sequences.len()).filter(|&at| reach.n_rows(&sequences[at]) > 0).collect();
        needed.sort_by(|&a, &b| content(a).cmp(&content(b)).then(a.cmp(&b)));
        let mut run_as = vec![None; sequences.len()];
        let mut ordered: Vec<(usize, usize)> = Vec::new();
        for at in needed {
            let last = ordered.last().map(|&(last, _)| last);
            run_as[at] = match last.filter(|&last| reach.is_same(&sequences[last], &sequences[at], limits)) {
                Some(last) => Some(last),
                None => {
                    let shared = |last: usize| {
                        shared_rows(reach, &sequences[last], &sequences[at], limits.alone_beyond)
                    };
                    ordered.push((at, last.map_or(0, shared)));
                    Some(at)
                }
            };
        }
        let batches = cut(reach, sequences, &ordered, limits);
        Self { run_as, ordered, batches, reach, alone_beyond: limits.alone_beyond }
    }

    /// The number of batches.
    pub fn n_batches(&self) -> usize {
        self.batches.len()
    }

    /// One of the batches; `sequences` are those of the plan.
    pub fn batch(&self, at: usize, sequences: &[Sequence]) -> Batch {
        self.part(self.batches[at].clone(), sequences)
    }

    /// Which of the sequences that are run, in the order of their tokens, are in a batch.
    pub(crate) fn members(&self, at: usize) -> Range<usize> {
        self.batches[at].clone()
    }

    /// A batch of some of the sequences that are run.
    pub(crate) fn part(&self, members: Range<usize>, sequences: &[Sequence]) -> Batch {
        Batch::new(sequences, &tree(self.reach, sequences, &self.ordered[members], self.alone_beyond))
    }

    /// The sequence that a sequence is run as; `None` if it need not be run.
    pub fn run_as(&self, sequence: usize) -> Option<usize> {
        self.run_as[sequence]
    }

    /// How much work there is, and how much would be without the plan.
    pub fn work(&self, sequences: &[Sequence]) -> Work {
        let mut work = Work::of_sequences(sequences);
        let unique = self.ordered.iter().map(|&(at, _)| sequences[at].n_tokens() as u64);
        work.n_unique_tokens = unique.sum();
        for at in 0..self.n_batches() {
            let batch = self.batch(at, sequences);
            work.n_rows += batch.packed().n_rows() as u64;
            work.n_head_rows += batch.n_losses() as u64;
        }
        work
    }
}

impl Reach {
    /// The rows that a sequence needs.
    fn n_rows(self, sequence: &Sequence) -> usize {
        match self {
            Self::Scored => {
                sequence.loss_mask().iter().rposition(|&counts| counts).map_or(0, |last| last + 1)
            }
            Self::Whole => sequence.n_tokens(),
        }
    }

    /// Everything that what is wanted of a sequence is a function of.
    fn content(self, sequence: &Sequence) -> (&[u32], &[bool]) {
        let (ids, mask) = (sequence.input_ids(), sequence.loss_mask());
        match self {
            Self::Scored => {
                let n_rows = self.n_rows(sequence);
                (&ids[..=n_rows], &mask[..n_rows])
            }
            Self::Whole => (ids, mask),
        }
    }

    fn is_same(self, one: &Sequence, other: &Sequence, limits: &Limits) -> bool {
        let stands_alone =
            |sequence: &Sequence| limits.alone_beyond.is_some_and(|most| sequence.n_tokens() > most);
        let alike = one.n_tokens() == other.n_tokens() || !stands_alone(one) && !stands_alone(other);
        alike && self.content(one) == self.content(other)
    }
}

/// Cuts the ordered sequences into batches of about equal numbers of rows. With all rows in a line, a sequence goes to
/// the batch that contains the middle of its rows.
fn cut(
    reach: Reach,
    sequences: &[Sequence],
    ordered: &[(usize, usize)],
    limits: &Limits,
) -> Vec<Range<usize>> {
    let own_rows = |&(at, shared): &(usize, usize)| reach.n_rows(&sequences[at]) - shared;
    let total: usize = ordered.iter().map(own_rows).sum();
    let lanes = limits.lanes.clamp(1, (total / FEWEST_ROWS).max(1));
    let count = total.div_ceil(limits.rows.max(1)).next_multiple_of(lanes);
    let mut batches: Vec<Range<usize>> = Vec::new();
    let (mut before, mut last) = (0, None);
    for (place, sequence) in ordered.iter().enumerate() {
        let batch = Some((2 * before + own_rows(sequence)) * count / (2 * total + 1));
        match batches.last_mut().filter(|_| batch == last) {
            Some(batch) => batch.end += 1,
            None => batches.push(place..place + 1),
        }
        last = batch;
        before += own_rows(sequence);
    }
    batches
}

#[cfg(test)]
mod tests;
