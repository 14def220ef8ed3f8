//! The gradient of attention, from what went in, what came out, and one log-sum per query.

use super::{BLOCK, Block, Heads, masked};
use crate::lanes::{dot, exp_shifted, vectorized};
use crate::matmul::matmul;

/// Overwrites `dq`, `dk`, and `dv` with the gradients of what [`causal_attention`](crate::causal_attention) took,
/// given that of `out`.
///
/// Query heads that share a head of keys and values sum into its gradient, in order.
///
/// # Shapes
/// - `q`, `out`, `d_out`, `dq`: `[t, queries * width]`; `k`, `v`, `dk`, `dv`: `[t, keys * width]`
/// - `out`, `log_sums`: as `causal_attention` wrote them
///
/// # Panics
/// If lengths do not fit, `keys` does not divide `queries`, or the window is 0.
///
/// Source: the backward pass of `FlashAttention` ([arXiv 2205.14135](https://arxiv.org/abs/2205.14135), algorithm 4).
#[expect(clippy::too_many_arguments, reason = "they are what the gradient is a function of")]
pub fn causal_attention_backward(
    heads: Heads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &[f32],
    log_sums: &[f32],
    d_out: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let asked = heads.positions(q.len(), k.len(), v.len());
    assert_eq!(asked.start, 0, "every position has a query");
    let positions = asked.len();
    assert_eq!((out.len(), log_sums.len()), (q.len(), positions * heads.queries), "values of out, log-sums");
    assert_eq!((d_out.len(), dq.len()), (q.len(), q.len()), "values of q, and gradients");
    assert_eq!((dk.len(), dv.len()), (k.len(), v.len()), "values of k and v, and gradients");
    dk.fill(0.0);
    dv.fill(0.0);
    let widest = heads.widest_block(asked.clone());
    let (mut scratch, mut d_scratch) = (vec![0.0; widest], vec![0.0; widest]);
    for head in 0..heads.queries {
        let key_head = heads.key_head(head);
        let log_sums = &log_sums[head * positions..(head + 1) * positions];
        for block in heads.blocks(asked.clone()) {
            let of_queries = |values| heads.view(values, block.queries.clone(), heads.queries, head);
            let of_keys = |values| heads.view(values, block.keys.clone(), heads.keys, key_head);
            let (scores, d_scores) = (block.scores(&mut scratch), block.scores(&mut d_scratch));

            matmul(block.view_mut(scores), of_queries(q), of_keys(k).transposed(), false, heads.scale);
            matmul(block.view_mut(d_scores), of_queries(d_out), of_keys(v).transposed(), false, 1.0);
            let shifts = shifts(&block, head, out, d_out);
            vectorized(
                #[inline(always)]
                || score_gradients(&block, scores, d_scores, log_sums, &shifts),
            );
            let (weights, d_scores) = (block.view(scores), block.view(d_scores));
            let to = heads.view_mut(dv, block.keys.clone(), heads.keys, key_head);
            matmul(to, weights.transposed(), of_queries(d_out), true, 1.0);
            let to = heads.view_mut(dq, block.queries.clone(), heads.queries, head);
            matmul(to, d_scores, of_keys(k), false, heads.scale);
            let to = heads.view_mut(dk, block.keys.clone(), heads.keys, key_head);
            matmul(to, d_scores.transposed(), of_queries(q), true, heads.scale);
        }
    }
}

/// `sum(out * d_out)` of each query: what all its weights' gradients have in common, and softmax takes away.
fn shifts(block: &Block, head: usize, out: &[f32], d_out: &[f32]) -> [f32; BLOCK] {
    let mut shifts = [0.0; BLOCK];
    vectorized(
        #[inline(always)]
        || {
            for (query, shift) in block.queries.clone().zip(&mut shifts) {
                let place = block.heads.of_query(query, head);
                *shift = dot(&out[place.clone()], &d_out[place]);
            }
        },
    );
    shifts
}

/// Replaces scores by the softmax's weights, and the gradient of the weights by that of the scaled scores.
#[inline(always)]
fn score_gradients(
    block: &Block,
    scores: &mut [f32],
    d_scores: &mut [f32],
    log_sums: &[f32],
    shifts: &[f32; BLOCK],
) {
    let rows =
        block.rows(scores, block.keys.len()).zip(d_scores.chunks_exact_mut(block.keys.len())).zip(shifts);
    for (((query, weights, seen), d_scores), shift) in rows {
        exp_shifted(masked(weights, seen), log_sums[query]);
        for (d_score, weight) in d_scores.iter_mut().zip(weights) {
            *d_score = *weight * (*d_score - shift);
        }
    }
}
