//! Attention itself: scores, softmax, and the mean of the values.

use std::ops::Range;

use super::{Block, Heads, capped, masked};
use crate::exp::exp;
use crate::lanes::{exp_shifted, greatest, vectorized};
use crate::matmul::{View, ViewMut, matmul};

/// Products with at most as many results are summed in another order than larger ones; see [`Scores::of`].
const SMALL_PRODUCT: usize = 256;
/// Values are summed in pieces of this many keys, counted from the first position. `gemm` also sums in pieces, but in
/// longer ones on some processors, and in equal ones.
const PIECE: usize = 512;
/// Sums over fewer terms are made in another order.
const FEWEST_TERMS: usize = 3;

/// Computes causal attention for the last `n` of the `t` positions of a sequence.
///
/// The result of a query has the same bits for every `n`: a sequence may be taken in parts, or only where its result is
/// needed.
///
/// # Shapes
/// - `q`: `[n, queries * width]`; `k`: `[t, keys * width]`; `v`: `[t, keys * value_width]`
/// - `sinks`: `[queries]`, a score of each head to which no value belongs: one more term of the softmax's denominator
/// - `out`: `[n, queries * value_width]`
/// - `log_sums`: `[queries, n]`, the log-sum-exp of each query's scores and its sink, in nats, for
///   [`causal_attention_backward`](crate::causal_attention_backward)
///
/// # Panics
/// If lengths do not fit, there are more queries than keys, `keys` does not divide `queries`, or the window is 0.
///
/// Source: `eager_attention_forward` of transformers' `modeling_llama`, `modeling_gemma2` (caps), and
/// `modeling_gpt_oss` (sinks); in blocks as in `FlashAttention`, but with whole rows of scores.
pub fn causal_attention(
    heads: Heads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    sinks: Option<&[f32]>,
    out: &mut [f32],
    log_sums: &mut [f32],
) {
    let asked = heads.positions(q.len(), k.len(), v.len());
    let count = asked.len();
    let results = heads.of_results();
    let expected = (results.len(count), count * heads.queries);
    assert_eq!((out.len(), log_sums.len()), expected, "values of out, log-sums");
    assert!(sinks.is_none_or(|sinks| sinks.len() == heads.queries), "a sink for each head");
    let mut scores = Scores::default();
    for head in 0..heads.queries {
        let (key_head, sink) = (heads.key_head(head), sinks.map(|sinks| sinks[head]));
        let log_sums = &mut log_sums[head * count..(head + 1) * count];
        for block in heads.blocks(asked.clone()) {
            let queries = heads.of_queries().view(q, block.queries.clone(), head);
            let keys = heads.of_keys().view(k, block.keys.clone(), key_head);
            scores.of(&block, queries, keys);

            let mut sums = [0.0; super::BLOCK];
            vectorized(
                #[inline(always)]
                || softmax_parts(&block, &mut scores, sink, log_sums, &mut sums),
            );
            let values = |keys| heads.of_values().view(v, keys, key_head);
            scores.weigh(&block, values, results.view_mut(out, block.queries.clone(), head));
            // Dividing the result is less work than dividing the scores.
            for (query, sum) in block.queries.clone().zip(sums) {
                let factor = 1.0 / sum;
                for value in &mut out[results.place(query, head)] {
                    *value *= factor;
                }
            }
        }
    }
}

/// The scores of a block, `[rows, stride]`: at least its queries and its keys.
#[derive(Default)]
struct Scores {
    values: Vec<f32>,
    rows: usize,
    stride: usize,
}

impl Scores {
    /// Computes `scale * q k^T`.
    ///
    /// A product with few results is made larger by rows of zeros, because `gemm` sums small ones in another order.
    fn of(&mut self, block: &Block, q: View<'_>, k: View<'_>) {
        let (queries, keys) = (block.queries.len(), block.keys.len());
        self.stride = keys.max(2);
        self.rows = queries.max(SMALL_PRODUCT / self.stride + 1).max(2);
        self.values.resize(self.rows * self.stride, 0.0);
        let to = ViewMut::new(&mut self.values, self.rows, self.stride, self.stride);
        let (width, scale) = (block.heads.width, block.heads.scale);
        // Keys are many, and queries few where a sequence is continued: only what is too small is copied.
        let more_q = (self.rows > queries).then(|| q.padded(self.rows));
        let more_k = (self.stride > keys).then(|| k.padded(self.stride));
        let q = more_q.as_ref().map_or(q, |q| View::new(q, self.rows, width, width));
        let k = more_k.as_ref().map_or(k, |k| View::new(k, self.stride, width, width));
        matmul(to, q, k.transposed(), false, scale);
    }

    /// Computes the sums of the values, weighted by the scores.
    fn weigh<'v>(&self, block: &Block, values: impl Fn(Range<usize>) -> View<'v>, mut to: ViewMut<'_>) {
        let width = block.heads.value_width;
        let mut sums = (self.rows > block.queries.len()).then(|| vec![0.0; self.rows * width]);
        for (at, keys) in pieces(block.keys.clone()).enumerate() {
            let first = keys.start - block.keys.start;
            let weights = View::new(&self.values[first..], self.rows, keys.len(), self.stride);
            let to = match &mut sums {
                Some(sums) => ViewMut::new(sums, self.rows, width, width),
                None => to.reborrow(),
            };
            add_weighted(to, weights, values(keys.clone()), keys.len(), at > 0);
        }
        if let Some(sums) = sums {
            to.copy_rows(&sums);
        }
    }
}

/// Adds one piece; a short one is made longer by zeros.
fn add_weighted(to: ViewMut<'_>, weights: View<'_>, values: View<'_>, terms: usize, accumulate: bool) {
    if terms >= FEWEST_TERMS {
        return matmul(to, weights, values, accumulate, 1.0);
    }
    let (rows, width) = to.sides();
    let values = values.padded(FEWEST_TERMS);
    let mut longer = vec![0.0; rows * FEWEST_TERMS];
    for (longer, given) in longer.chunks_exact_mut(FEWEST_TERMS).zip(weights.padded(rows).chunks_exact(terms))
    {
        longer[..terms].copy_from_slice(given);
    }
    let weights = View::new(&longer, rows, FEWEST_TERMS, FEWEST_TERMS);
    matmul(to, weights, View::new(&values, FEWEST_TERMS, width, width), accumulate, 1.0);
}

/// Cuts keys where positions are multiples of [`PIECE`].
fn pieces(keys: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let first = keys.start / PIECE;
    (first..keys.end.div_ceil(PIECE))
        .map(move |piece| keys.start.max(piece * PIECE)..keys.end.min((piece + 1) * PIECE))
}

/// Replaces scores by their exponentials, shifted by the greatest of a row, and writes the sum of each row.
#[inline(always)]
fn softmax_parts(
    block: &Block,
    scores: &mut Scores,
    sink: Option<f32>,
    log_sums: &mut [f32],
    sums: &mut [f32],
) {
    for ((query, row, seen), sum) in block.rows(&mut scores.values, scores.stride).zip(sums) {
        let row = masked(row, seen);
        if let Some(cap) = block.heads.cap {
            capped(row, cap);
        }
        let max = greatest(row);
        let max = sink.filter(|sink| *sink > max).unwrap_or(max);
        *sum = exp_shifted(row, max);
        if let Some(sink) = sink {
            *sum += exp(sink - max);
        }
        log_sums[query] = max + sum.ln();
    }
}
