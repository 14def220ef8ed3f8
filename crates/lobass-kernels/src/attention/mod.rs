//! Causal attention of one sequence, with grouped heads, and optionally a window, a cap of scores, and sinks.
//!
//! Queries are processed in blocks. A block is multiplied only with the keys that it can see, so almost nothing beyond
//! the diagonal is computed. For the gradient, one number per query is kept, not the probabilities.
//!
//! Forward, the result of a query depends on what it sees only, to the bit. It does not depend on the other queries, or
//! on how a sequence was cut into prefix and rest.

mod backward;
mod forward;

use std::ops::Range;

pub use backward::causal_attention_backward;
pub use forward::causal_attention;

use crate::activation::tanh;
use crate::matmul::{View, ViewMut};

/// Queries per block.
const BLOCK: usize = 64;

/// The shape of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Heads of keys and values; query head `h` reads head `h / (queries / keys)`.
    pub keys: usize,
    /// Numbers per head of queries and keys.
    pub width: usize,
    /// Numbers per head of values, and so of the result.
    pub value_width: usize,
    /// With a window `w`, position `q` sees `k` only if `0 <= q - k < w`.
    pub window: Option<usize>,
    /// The factor of products of queries and keys, mostly `1 / sqrt(width)`.
    pub scale: f32,
    /// With a cap `c`, a scaled score `s` counts as `c * tanh(s / c)`.
    pub cap: Option<f32>,
}

impl Heads {
    /// Heads that see everything before them, with values as wide as keys, a scale of `1 / sqrt(width)`, and no cap.
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    pub fn new(queries: usize, keys: usize, width: usize) -> Self {
        let scale = (width as f64).sqrt().recip() as f32;
        Self { queries, keys, width, value_width: width, window: None, scale, cap: None }
    }

    /// The positions that have a query, which are the last ones of those that have keys and values.
    ///
    /// # Panics
    /// If there are fewer keys than queries, or not as many values as keys, or if the heads themselves make no sense.
    fn positions(self, q: usize, k: usize, v: usize) -> Range<usize> {
        let Self { queries, keys, width, value_width, window, .. } = self;
        assert!(
            keys > 0 && queries.is_multiple_of(keys) && queries > 0 && width > 0 && value_width > 0,
            "{self:?} do not group"
        );
        assert!(window != Some(0), "a window of 0 sees nothing");
        let (asked, end) = (q / (queries * width), k / (keys * width));
        let expected = (asked * queries * width, end * keys * width, end * keys * value_width);
        assert_eq!((q, k, v), expected, "values of q, k, v at {asked} of {end} positions");
        assert!(asked <= end, "{asked} queries at {end} positions");
        end - asked..end
    }

    /// The head of keys and values that a query head reads.
    fn key_head(self, query_head: usize) -> usize {
        query_head / (self.queries / self.keys)
    }

    /// The positions that a query at a position sees.
    fn seen(self, position: usize) -> Range<usize> {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))..position + 1
    }

    /// The blocks of the queries at these positions.
    fn blocks(self, positions: Range<usize>) -> impl Iterator<Item = Block> {
        let before = positions.start;
        (0..positions.len()).step_by(BLOCK).map(move |first| {
            let queries = first..positions.len().min(first + BLOCK);
            let keys = self.seen(before + first).start..before + queries.end;
            Block { heads: self, queries, before, keys }
        })
    }

    /// The most scores that a block has.
    fn widest_block(self, positions: Range<usize>) -> usize {
        self.blocks(positions).map(|block| block.queries.len() * block.keys.len()).max().unwrap_or(0)
    }

    /// Heads of queries.
    fn of_queries(self) -> Rows {
        Rows { heads: self.queries, width: self.width }
    }

    /// Heads of keys.
    fn of_keys(self) -> Rows {
        Rows { heads: self.keys, width: self.width }
    }

    /// Heads of values.
    fn of_values(self) -> Rows {
        Rows { heads: self.keys, width: self.value_width }
    }

    /// Heads of the result.
    fn of_results(self) -> Rows {
        Rows { heads: self.queries, width: self.value_width }
    }
}

/// How a row of one of the matrices is divided into heads.
#[derive(Debug, Clone, Copy)]
struct Rows {
    heads: usize,
    width: usize,
}

impl Rows {
    /// Numbers of some positions.
    fn len(self, positions: usize) -> usize {
        positions * self.heads * self.width
    }

    /// Some positions of one head, as a matrix `[positions, width]`.
    fn view(self, values: &[f32], positions: Range<usize>, head: usize) -> View<'_> {
        let values = &values[(positions.start * self.heads + head) * self.width..];
        View::new(values, positions.len(), self.width, self.heads * self.width)
    }

    /// The mutable form of [`Rows::view`].
    fn view_mut(self, values: &mut [f32], positions: Range<usize>, head: usize) -> ViewMut<'_> {
        let values = &mut values[(positions.start * self.heads + head) * self.width..];
        ViewMut::new(values, positions.len(), self.width, self.heads * self.width)
    }

    /// The place of one position's numbers.
    fn place(self, position: usize, head: usize) -> Range<usize> {
        let start = (position * self.heads + head) * self.width;
        start..start + self.width
    }
}

/// Queries next to each other, and all keys that any of them sees.
#[derive(Debug, Clone)]
struct Block {
    heads: Heads,
    /// Which of the given queries.
    queries: Range<usize>,
    /// The position of the first of all given queries.
    before: usize,
    /// Positions.
    keys: Range<usize>,
}

impl Block {
    /// Every query with its row of `scores`, whose first columns are the keys, of which it sees those that are
    /// returned.
    #[inline(always)]
    fn rows<'a>(
        &self,
        scores: &'a mut [f32],
        stride: usize,
    ) -> impl Iterator<Item = (usize, &'a mut [f32], Range<usize>)> {
        let (heads, before, keys) = (self.heads, self.before, self.keys.clone());
        self.queries.clone().zip(scores.chunks_exact_mut(stride)).map(move |(query, row)| {
            let seen = heads.seen(before + query);
            (query, &mut row[..keys.len()], seen.start - keys.start..seen.end - keys.start)
        })
    }

    /// A scratch as this block's scores.
    fn scores<'a>(&self, scratch: &'a mut [f32]) -> &'a mut [f32] {
        &mut scratch[..self.queries.len() * self.keys.len()]
    }

    /// The scores as a matrix `[queries, keys]`.
    fn view<'a>(&self, scores: &'a [f32]) -> View<'a> {
        View::new(scores, self.queries.len(), self.keys.len(), self.keys.len())
    }

    /// The mutable form of [`Block::view`].
    fn view_mut<'a>(&self, scores: &'a mut [f32]) -> ViewMut<'a> {
        ViewMut::new(scores, self.queries.len(), self.keys.len(), self.keys.len())
    }
}

/// Replaces scaled scores by what they count as.
#[inline(always)]
fn capped(scores: &mut [f32], cap: f32) {
    let inverse = 1.0 / cap;
    for score in scores {
        *score = cap * tanh(*score * inverse);
    }
}

/// Writes 0 to the scores of what a query does not see, and returns the others.
#[inline(always)]
fn masked(row: &mut [f32], seen: Range<usize>) -> &mut [f32] {
    row[..seen.start].fill(0.0);
    row[seen.end..].fill(0.0);
    &mut row[seen]
}

#[cfg(test)]
mod tests;
