//! Several sequences as one run of rows, without padding, and with their common beginnings once.

use std::ops::Range;

/// Token ids of one or more sequences, one row each. Products run over all rows at once; attention looks only at what
/// comes before in a sequence.
///
/// Sequences that begin alike may share the rows of their beginning: a sequence is then a path through runs of rows,
/// each of which follows another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    input_ids: Vec<u32>,
    runs: Vec<Run>,
}

/// Rows next to each other that every sequence has either all of or none of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) rows: Range<usize>,
    /// The place of its first row in its sequences.
    pub(super) position: usize,
    /// The run before it.
    pub(super) before: Option<usize>,
    /// The tokens of the longest sequence that it is part of.
    pub(super) sequence_length: usize,
}

impl Packed {
    /// Packs sequences of token ids, each by itself; empty ones take no rows.
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut packed = Self::default();
        for ids in sequences.into_iter().filter(|ids| !ids.is_empty()) {
            packed.push(None, ids);
        }
        packed
    }

    /// Adds a run of tokens, at the beginning of a sequence or following another run, and returns its number.
    ///
    /// Runs come depth first: before a run is followed by a second one, everything that follows the first is there.
    ///
    /// # Panics
    /// If `ids` is empty, or if `before` is no run that the latest one belongs to or follows.
    pub fn push(&mut self, before: Option<usize>, ids: &[u32]) -> usize {
        assert!(!ids.is_empty(), "a run has tokens");
        assert!(self.is_open(before), "run {before:?} was left before run {}", self.runs.len());
        let position = before.map_or(0, |before| self.runs[before].end());
        let start = self.input_ids.len();
        self.input_ids.extend_from_slice(ids);
        let sequence_length = position + ids.len();
        self.runs.push(Run { rows: start..self.input_ids.len(), position, before, sequence_length });
        let mut above = before;
        while let Some(run) = above {
            let run = &mut self.runs[run];
            run.sequence_length = run.sequence_length.max(sequence_length);
            above = run.before;
        }
        self.runs.len() - 1
    }

    /// The token ids, row by row.
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// The first row of every run: of every sequence, unless some share rows.
    pub fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().map(|run| run.rows.start)
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.input_ids.len()
    }

    /// The rows of a sequence up to one of them: what it is a function of.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn path(&self, row: usize) -> Vec<usize> {
        let mut run = &self.runs[self.runs.partition_point(|run| run.rows.end <= row)];
        let mut path: Vec<usize> = (run.rows.start..=row).rev().collect();
        while let Some(before) = run.before {
            run = &self.runs[before];
            path.extend(run.rows.clone().rev());
        }
        path.reverse();
        path
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether a run may be followed, or a sequence begun.
    fn is_open(&self, before: Option<usize>) -> bool {
        let mut open = self.runs.len().checked_sub(1);
        while open.is_some() && open != before {
            open = open.and_then(|run| self.runs[run].before);
        }
        open == before
    }
}

impl Run {
    /// The place after its last row.
    fn end(&self) -> usize {
        self.position + self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_where_the_one_before_it_ends() {
        let mut packed = Packed::default();
        let preamble = packed.push(None, &[1, 2, 3]);
        let question = packed.push(Some(preamble), &[4, 5]);
        packed.push(Some(question), &[6]);
        packed.push(Some(question), &[7, 8]);
        packed.push(Some(preamble), &[9]);
        packed.push(None, &[1]);
        assert_eq!(packed.input_ids(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
        let places = packed.runs().iter().map(|run| (run.position, run.sequence_length)).collect::<Vec<_>>();
        assert_eq!(places, [(0, 7), (3, 7), (5, 6), (5, 7), (3, 4), (0, 1)]);
    }

    #[test]
    #[should_panic(expected = "run Some(1) was left before run 3")]
    fn runs_come_depth_first() {
        let mut packed = Packed::default();
        let first = packed.push(None, &[1]);
        let left = packed.push(Some(first), &[2]);
        packed.push(Some(first), &[3]);
        packed.push(Some(left), &[4]);
    }
}
