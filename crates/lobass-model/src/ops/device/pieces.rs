//! Attention of packed rows, cut into pieces: which queries are computed beside which keys.
//!
//! A piece has a few queries of one sequence, and of the keys before them those in the window. Pieces of like shapes
//! make a rectangle. Without a charge for each rectangle, there is one for each shape, and nothing is filled up.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::batch::Span;

/// How attention is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// The most queries of a piece.
    pub(super) queries: usize,
    /// As many scores as are computed in the time that one more rectangle takes for its small operations.
    pub(super) charge: usize,
    /// The most scores of a rectangle: 256 MiB in `f32`.
    pub(super) most: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Self { queries: 64, charge: 2 << 20, most: 64 << 20 }
    }
}

/// Pieces with numbers of queries that differ by less than this may lie beside each other in the order of shapes.
const STEP: usize = 32;
/// The most shapes that are distinguished.
const MOST_SHAPES: usize = 512;

/// Queries next to each other in a sequence, and the keys that they see.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The rows of the queries, among those that are asked for.
    pub(super) queries: Range<usize>,
    /// The place of the first query in its sequence.
    pub(super) position: usize,
    /// The place of the first key.
    pub(super) first_key: usize,
    /// The rows of the keys, up to the one of the last query.
    pub(super) keys: Vec<usize>,
}

/// Pieces side by side, in a rectangle of so many queries and keys each.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) pieces: Vec<Piece>,
    pub(super) n_queries: usize,
    pub(super) n_keys: usize,
}

/// A shape that stands for those of some pieces: numbers of queries and of keys.
#[derive(Debug, Clone, Copy)]
struct Shape {
    count: usize,
    queries: usize,
    keys: usize,
}

/// The rectangles of some queries of `heads` heads each.
pub(super) fn rectangles(
    cut: Cut,
    heads: usize,
    window: Option<usize>,
    all: &[Span],
    asked: &[Span],
) -> Vec<Side> {
    let mut by_shape = by_shape(pieces(cut, window, all, asked));
    // The largest come first, as those with many queries do.
    by_shape.sort_by_key(|pieces| std::cmp::Reverse(order(shape(pieces))));
    let shapes: Vec<Shape> = by_shape.iter().map(|pieces| shape(pieces)).collect();
    let mut by_shape = by_shape.into_iter();
    let groups = groups(cut, heads, &shapes).into_iter();
    let merged = groups.map(|group| by_shape.by_ref().take(group.len()).flatten().collect::<Vec<_>>());
    merged.flat_map(|pieces| sides(cut, heads, &pieces)).collect()
}

fn pieces(cut: Cut, window: Option<usize>, all: &[Span], asked: &[Span]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for span in asked {
        let path = path(all, span.of);
        for start in span.rows.clone().step_by(cut.queries) {
            let queries = start..span.rows.end.min(start + cut.queries);
            let position = span.position + start - span.rows.start;
            let first_key = window.map_or(0, |window| (position + 1).saturating_sub(window));
            let keys = path[first_key..position + queries.len()].to_vec();
            pieces.push(Piece { queries, position, first_key, keys });
        }
    }
    pieces
}

/// The rows of a sequence up to the end of a span.
fn path(all: &[Span], span: usize) -> Vec<usize> {
    let mut spans = vec![span];
    while let Some(before) = spans.last().and_then(|&last| all[last].before) {
        spans.push(before);
    }
    spans.into_iter().rev().flat_map(|span| all[span].rows.clone()).collect()
}

/// Pieces of like shapes together: equal ones, unless there are too many shapes.
fn by_shape(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let n_shapes = |step: usize| {
        let rounded = |piece: &Piece| (piece.queries.len().div_ceil(step), piece.keys.len().div_ceil(step));
        let mut shapes: Vec<_> = pieces.iter().map(rounded).collect();
        shapes.sort_unstable();
        shapes.dedup();
        shapes.len()
    };
    let step = [1, 2, 4, 8, 16].into_iter().find(|&step| n_shapes(step) <= MOST_SHAPES).unwrap_or(STEP);
    let mut by_shape: BTreeMap<(usize, usize), Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        let shape = (piece.queries.len().div_ceil(step), piece.keys.len().div_ceil(step));
        by_shape.entry(shape).or_default().push(piece);
    }
    by_shape.into_values().collect()
}

fn shape(pieces: &[Piece]) -> Shape {
    let most = |size: fn(&Piece) -> usize| pieces.iter().map(size).max().unwrap_or(0);
    Shape {
        count: pieces.len(),
        queries: most(|piece| piece.queries.len()),
        keys: most(|piece| piece.keys.len()),
    }
}

fn order(shape: Shape) -> (usize, usize) {
    (shape.queries.div_ceil(STEP), shape.keys)
}

/// Which shapes, next to each other in their order, make a rectangle: the groups with the fewest scores and charges.
fn groups(cut: Cut, heads: usize, shapes: &[Shape]) -> Vec<Range<usize>> {
    // For each number of shapes, the least cost, and where the last group begins.
    let mut best: Vec<(usize, usize)> = vec![(0, 0)];
    for end in 1..=shapes.len() {
        let mut merged = Shape { count: 0, queries: 0, keys: 0 };
        let mut least = (usize::MAX, end - 1);
        for start in (0..end).rev() {
            merged = merged.beside(shapes[start]);
            let cost = best[start].0.saturating_add(merged.scores(heads) + cut.charge);
            least = least.min((cost, start));
            if merged.scores(heads) > least.0 {
                break; // larger groups cost more
            }
        }
        best.push(least);
    }
    let mut groups = Vec::new();
    let mut end = shapes.len();
    while end > 0 {
        let start = best[end].1;
        groups.push(start..end);
        end = start;
    }
    groups.reverse();
    groups
}

impl Shape {
    /// The shape of both beside each other.
    fn beside(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            queries: self.queries.max(other.queries),
            keys: self.keys.max(other.keys),
        }
    }

    fn scores(self, heads: usize) -> usize {
        self.count * self.queries * self.keys * heads
    }
}

/// A rectangle, or several if it has too many scores.
fn sides(cut: Cut, heads: usize, pieces: &[Piece]) -> Vec<Side> {
    let Shape { queries: n_queries, keys: n_keys, .. } = shape(pieces);
    let most = (cut.most / (n_queries * n_keys * heads)).max(1);
    pieces.chunks(most).map(|pieces| Side { pieces: pieces.to_vec(), n_queries, n_keys }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::batch::{Packed, tests::rows_of};

    proptest! {
        #[test]
        fn every_query_is_there_once_beside_all_that_it_sees(
            lengths in prop::collection::vec(1usize..40, 1..9), (queries, charge) in (1usize..12, 0usize..500),
            window in prop::option::of(1usize..12), heads in 1usize..4, choice: u64,
        ) {
            let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
            let packed = Packed::new(ids.iter().map(Vec::as_slice));
            let asked: Vec<usize> =
                (0..packed.n_rows()).filter(|row| row % 64 == 0 || choice >> (row % 64) & 1 == 1).collect();
            let (all, chosen) = rows_of(&packed, &asked);
            let cut = Cut { queries, charge, most: 700 };
            let sides = rectangles(cut, heads, window, &all.spans, &chosen.spans);
            let mut found = vec![0; asked.len()];
            for side in &sides {
                prop_assert!(side.pieces.len() == 1 || side.pieces.len() * side.n_queries * side.n_keys * heads <= 700);
                for piece in &side.pieces {
                    prop_assert!(piece.queries.len() <= side.n_queries.min(queries) && piece.keys.len() <= side.n_keys);
                    for (at, query) in piece.queries.clone().enumerate() {
                        found[query] += 1;
                        let path = packed.path(asked[query]);
                        prop_assert_eq!(piece.position + at, path.len() - 1);
                        let first = window.map_or(0, |window| path.len().saturating_sub(window));
                        let keys = &piece.keys[first - piece.first_key..][..path.len() - first];
                        prop_assert_eq!(keys, &path[first..]);
                    }
                }
            }
            prop_assert!(found.iter().all(|&count| count == 1));
        }

        #[test]
        fn nothing_is_filled_up_if_rectangles_cost_nothing(
            lengths in prop::collection::vec(1usize..40, 1..9), queries in 1usize..12, heads in 1usize..4,
            window in prop::option::of(1usize..12),
        ) {
            let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
            let (all, _) = rows_of(&Packed::new(ids.iter().map(Vec::as_slice)), &[]);
            let scores = |charge: usize| {
                let cut = Cut { queries, charge, most: usize::MAX };
                let sides = rectangles(cut, heads, window, &all.spans, &all.spans);
                let count = sides.len();
                (sides.iter().map(|side| side.pieces.len() * side.n_queries * side.n_keys).sum::<usize>(), count)
            };
            let pieces = pieces(Cut { queries, charge: 0, most: 0 }, window, &all.spans, &all.spans);
            let needed: usize = pieces.iter().map(|piece| piece.queries.len() * piece.keys.len()).sum();
            prop_assert_eq!(scores(0).0, needed);
            // The dearer rectangles are, the fewer there are.
            let (some, one) = (scores(40), scores(usize::MAX / 4096));
            prop_assert!(needed <= some.0 && some.0 <= one.0 && one.1 == 1 && some.1 <= scores(0).1);
        }
    }
}
