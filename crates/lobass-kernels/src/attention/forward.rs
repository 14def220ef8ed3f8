//! Attention itself: scores, softmax, and the mean of the values.

use super::{Block, Heads, masked};
use crate::lanes::{exp_shifted, greatest, vectorized};
use crate::matmul::matmul;

/// Computes the causal attention of one sequence of `t` positions.
///
/// # Shapes
/// - `q`, `out`: `[t, queries * width]`; `k`, `v`: `[t, keys * width]`
/// - `log_sums`: `[queries, t]`, the log-sum-exp of each query's scaled scores, in nats, for
///   [`causal_attention_backward`](crate::causal_attention_backward)
///
/// # Panics
/// If lengths do not fit, `keys` does not divide `queries`, or the window is 0.
///
/// Source: `eager_attention_forward` of transformers; in blocks as in `FlashAttention`, but with whole rows of scores.
pub fn causal_attention(
    heads: Heads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
    log_sums: &mut [f32],
) {
    let positions = heads.positions(q.len(), k.len(), v.len());
    assert_eq!((out.len(), log_sums.len()), (q.len(), positions * heads.queries), "values of out, log-sums");
    let mut scratch = vec![0.0; heads.widest_block(positions)];
    for head in 0..heads.queries {
        let key_head = heads.key_head(head);
        let log_sums = &mut log_sums[head * positions..(head + 1) * positions];
        for block in heads.blocks(positions) {
            let scores = block.scores(&mut scratch);
            let queries = heads.view(q, block.queries.clone(), heads.queries, head);
            let keys = heads.view(k, block.keys.clone(), heads.keys, key_head);
            matmul(block.view_mut(scores), queries, keys.transposed(), false, heads.scale);

            let mut sums = [0.0; super::BLOCK];
            vectorized(
                #[inline(always)]
                || softmax_parts(&block, scores, log_sums, &mut sums),
            );
            let to = heads.view_mut(out, block.queries.clone(), heads.queries, head);
            let values = heads.view(v, block.keys.clone(), heads.keys, key_head);
            matmul(to, block.view(scores), values, false, 1.0);
            // Dividing the result is less work than dividing the scores.
            for (query, sum) in block.queries.clone().zip(sums) {
                let factor = 1.0 / sum;
                for value in &mut out[heads.of_query(query, head)] {
                    *value *= factor;
                }
            }
        }
    }
}

/// Replaces scores by their exponentials, shifted by the greatest of a row, and writes the sum of each row.
#[inline(always)]
fn softmax_parts(block: &Block, scores: &mut [f32], log_sums: &mut [f32], sums: &mut [f32]) {
    for ((query, row, seen), sum) in block.rows(scores).zip(sums) {
        let row = masked(row, seen);
        let max = greatest(row);
        *sum = exp_shifted(row, max);
        log_sums[query] = max + sum.ln();
    }
}
