//! Common beginnings of ordered sequences, as a tree of runs.

use lobass_core::Sequence;

use super::Reach;

/// Sharing fewer rows costs more in small products than it saves.
const FEWEST_SHARED: usize = 4;

/// Tokens that the same sequences have in common, following those of another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// A sequence that has them.
    pub(super) sequence: usize,
    /// The positions after the first and the last of them.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) before: Option<usize>,
    /// The sequences whose rows end here.
    pub(super) ending: Vec<usize>,
}

/// The rows that two sequences have in common at their beginning.
pub(super) fn shared_rows(
    reach: Reach,
    one: &Sequence,
    other: &Sequence,
    alone_beyond: Option<usize>,
) -> usize {
    if alone_beyond.is_some_and(|most| one.n_tokens().max(other.n_tokens()) > most) {
        return 0;
    }
    let most = reach.n_rows(one).min(reach.n_rows(other));
    let pairs = one.input_ids()[..most].iter().zip(other.input_ids());
    pairs.take_while(|(one, other)| one == other).count()
}

/// Sequences in the order of their tokens, each with the rows shared with the one before, as nodes, depth first.
pub(super) fn tree(
    reach: Reach,
    sequences: &[Sequence],
    ordered: &[(usize, usize)],
    alone_beyond: Option<usize>,
) -> Vec<Node> {
    let mut growing = Growing::default();
    for (place, &(sequence, shared)) in ordered.iter().enumerate() {
        let given = &sequences[sequence];
        let alone = alone_beyond.is_some_and(|most| given.n_tokens() > most);
        growing.part(if place == 0 { 0 } else { shared });
        growing.end(sequence, if alone { given.n_tokens() } else { reach.n_rows(given) });
    }
    growing.finish()
}

/// A tree while it grows to the right. Nodes get their place among the others once their ancestors are known.
#[derive(Default)]
struct Growing {
    nodes: Vec<Node>,
    /// From the root to the latest sequence.
    open: Vec<usize>,
}

impl Growing {
    /// Goes up the latest sequence to where the next one, which has `shared` rows in common, parts from it.
    fn part(&mut self, shared: usize) {
        while let Some(&node) = self.open.last() {
            if self.nodes[node].end <= shared {
                return;
            }
            let above = self.nodes[node].start;
            if shared < above + FEWEST_SHARED {
                self.open.pop();
                if shared >= above {
                    return;
                }
                continue;
            }
            self.split(node, shared);
            return;
        }
    }

    /// Makes two nodes of one; the upper one stays open.
    fn split(&mut self, node: usize, at: usize) {
        let lower = Node { start: at, before: Some(node), ..self.nodes[node].clone() };
        let upper = &mut self.nodes[node];
        upper.end = at;
        upper.ending.clear();
        let place = self.nodes.len();
        self.nodes.push(lower);
        for child in self.nodes.iter_mut().take(place) {
            if child.before == Some(node) {
                child.before = Some(place);
            }
        }
    }

    fn end(&mut self, sequence: usize, n_rows: usize) {
        let before = self.open.last().copied();
        let start = before.map_or(0, |node| self.nodes[node].end);
        if let Some(node) = before.filter(|_| start == n_rows) {
            self.nodes[node].ending.push(sequence);
            return;
        }
        self.open.push(self.nodes.len());
        self.nodes.push(Node { sequence, start, end: n_rows, before, ending: vec![sequence] });
    }

    /// The nodes, depth first.
    fn finish(self) -> Vec<Node> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut roots = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            match node.before {
                Some(before) => children[before].push(at),
                None => roots.push(at),
            }
        }
        let (mut ordered, mut place) = (Vec::with_capacity(self.nodes.len()), vec![0; self.nodes.len()]);
        let mut waiting: Vec<usize> = roots.into_iter().rev().collect();
        while let Some(at) = waiting.pop() {
            place[at] = ordered.len();
            let node = self.nodes[at].clone();
            ordered.push(Node { before: node.before.map(|before| place[before]), ..node });
            waiting.extend(children[at].iter().rev());
        }
        ordered
    }
}
