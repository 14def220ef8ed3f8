//! One batch: rows to run, rows whose prediction counts, and where each sequence finds its losses.

use std::collections::BTreeMap;

use lobass_core::Sequence;
use lobass_model::Packed;

use super::prefixes::Node;

/// Sequences that are run at once.
#[derive(Debug, Clone)]
pub struct Batch {
    packed: Packed,
    rows: Vec<usize>,
    /// For each loss, the place in `rows` that predicts it, and the label.
    losses: Vec<(usize, u32)>,
    answers: Vec<Answer>,
}

/// Where a sequence finds its losses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Which sequence.
    pub(crate) sequence: usize,
    /// Which losses of the batch, one per scored position, in order.
    pub(crate) losses: Vec<usize>,
    /// The row of its last token that is run.
    pub(crate) last_row: usize,
}

/// A sequence, the row of its last token that is run, and the row and the label of each of its losses.
type Wanted = (usize, usize, Vec<(usize, u32)>);

impl Answer {
    /// The verdicts on the sequence's scored positions, in order, given those on the batch.
    pub(crate) fn taken_from<V: Copy>(&self, verdicts: &[V]) -> Vec<V> {
        self.losses.iter().map(|&loss| verdicts[loss]).collect()
    }
}

impl Batch {
    pub(super) fn new(sequences: &[Sequence], nodes: &[Node]) -> Self {
        let mut packed = Packed::default();
        let mut first_rows = Vec::with_capacity(nodes.len());
        // A loss is a row and a label: where sequences part, one row predicts several tokens.
        let mut wanted: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        let mut ends = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            first_rows.push(packed.n_rows());
            packed.push(node.before, &sequences[node.sequence].input_ids()[node.start..node.end]);
            ends.extend(node.ending.iter().map(|&sequence| (sequence, at)));
        }
        let last_row = |end: usize| first_rows[end] + nodes[end].end - nodes[end].start - 1;
        let pairs: Vec<Wanted> = ends
            .into_iter()
            .map(|(sequence, end)| {
                (sequence, last_row(end), pairs(&sequences[sequence], nodes, &first_rows, end))
            })
            .collect();
        wanted.extend(pairs.iter().flat_map(|(.., pairs)| pairs.iter().map(|&pair| (pair, 0))));
        let mut rows: Vec<usize> = Vec::new();
        let mut losses = Vec::with_capacity(wanted.len());
        for (place, ((row, label), loss)) in wanted.iter_mut().enumerate() {
            if rows.last() != Some(row) {
                rows.push(*row);
            }
            *loss = place;
            losses.push((rows.len() - 1, *label));
        }
        let answer = |(sequence, last_row, pairs): Wanted| Answer {
            sequence,
            last_row,
            losses: pairs.iter().map(|pair| wanted[pair]).collect(),
        };
        Self { packed, rows, losses, answers: pairs.into_iter().map(answer).collect() }
    }

    /// The rows to run.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// The rows whose prediction counts, ascending.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Which of [`Batch::rows`] predicts each loss, and the token it is the loss of.
    pub fn losses(&self) -> &[(usize, u32)] {
        &self.losses
    }

    /// The number of losses, all different.
    pub fn n_losses(&self) -> usize {
        self.losses.len()
    }

    pub(crate) fn answers(&self) -> &[Answer] {
        &self.answers
    }
}

/// The row and the label of every scored position of a sequence that ends in a node.
fn pairs(sequence: &Sequence, nodes: &[Node], first_rows: &[usize], end: usize) -> Vec<(usize, u32)> {
    let mut path = vec![end];
    while let Some(before) = path.last().and_then(|&last| nodes[last].before) {
        path.push(before);
    }
    let mut path = path.into_iter().rev().peekable();
    let mut node = path.next().expect("a path has an end");
    let scored = sequence.scored_positions().zip(sequence.scored_labels());
    scored
        .map(|(position, label)| {
            while nodes[node].end <= position {
                node = path.next().expect("every scored position has a row");
            }
            (first_rows[node] + position - nodes[node].start, label)
        })
        .collect()
}
