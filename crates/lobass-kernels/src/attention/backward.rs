//! The gradient of attention, from what went in, what came out, and one log-sum per query.

use super::{BLOCK, Block, Heads, capped, masked};
use crate::exp::exp;
use crate::lanes::{dot, exp_shifted, vectorized};
use crate::matmul::matmul;

/// Overwrites `dq`, `dk`, and `dv` with the gradients of what [`causal_attention`](crate::causal_attention) took,
/// given that of `out`, and adds those of the sinks to `d_sinks`.
///
/// Query heads that share a head of keys and values sum into its gradient, in order.
///
/// # Shapes
/// - `q`, `dq`: `[t, queries * width]`; `out`, `d_out`: `[t, queries * value_width]`
/// - `k`, `dk`: `[t, keys * width]`; `v`, `dv`: `[t, keys * value_width]`; `sinks`, `d_sinks`: `[queries]`
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
    sinks: Option<&[f32]>,
    out: &[f32],
    log_sums: &[f32],
    d_out: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    mut d_sinks: Option<&mut [f32]>,
) {
    let asked = heads.positions(q.len(), k.len(), v.len());
    assert_eq!(asked.start, 0, "every position has a query");
    let positions = asked.len();
    let (queries, keys, values, results) =
        (heads.of_queries(), heads.of_keys(), heads.of_values(), heads.of_results());
    let expected = (results.len(positions), positions * heads.queries);
    assert_eq!((out.len(), log_sums.len()), expected, "values of out, log-sums");
    assert_eq!((d_out.len(), dq.len()), (out.len(), q.len()), "values of out and q, and gradients");
    assert!(sinks.is_none_or(|sinks| sinks.len() == heads.queries), "a sink for each head");
    assert!(
        d_sinks.as_ref().is_none_or(|sinks| sinks.len() == heads.queries),
        "a sink's gradient for each head"
    );
    assert_eq!((dk.len(), dv.len()), (k.len(), v.len()), "values of k and v, and gradients");
    dk.fill(0.0);
    dv.fill(0.0);
    let widest = heads.widest_block(asked.clone());
    let (mut scratch, mut d_scratch) = (vec![0.0; widest], vec![0.0; widest]);
    for head in 0..heads.queries {
        let key_head = heads.key_head(head);
        let log_sums = &log_sums[head * positions..(head + 1) * positions];
        for block in heads.blocks(asked.clone()) {
            let q = queries.view(q, block.queries.clone(), head);
            let k = keys.view(k, block.keys.clone(), key_head);
            let (scores, d_scores) = (block.scores(&mut scratch), block.scores(&mut d_scratch));

            matmul(block.view_mut(scores), q, k.transposed(), false, heads.scale);
            let d_results = results.view(d_out, block.queries.clone(), head);
            let v = values.view(v, block.keys.clone(), key_head);
            matmul(block.view_mut(d_scores), d_results, v.transposed(), false, 1.0);
            let shifts = shifts(&block, head, out, d_out);
            if let (Some(sinks), Some(d_sinks)) = (sinks, d_sinks.as_deref_mut()) {
                d_sinks[head] += sink_gradient(&block, sinks[head], log_sums, &shifts);
            }
            vectorized(
                #[inline(always)]
                || score_gradients(&block, scores, d_scores, log_sums, &shifts),
            );
            let (weights, d_scores) = (block.view(scores), block.view(d_scores));
            let to = values.view_mut(dv, block.keys.clone(), key_head);
            matmul(to, weights.transposed(), d_results, true, 1.0);
            let to = queries.view_mut(dq, block.queries.clone(), head);
            matmul(to, d_scores, k, false, heads.scale);
            let to = keys.view_mut(dk, block.keys.clone(), key_head);
            matmul(to, d_scores.transposed(), q, true, heads.scale);
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
                let place = block.heads.of_results().place(query, head);
                *shift = dot(&out[place.clone()], &d_out[place]);
            }
        },
    );
    shifts
}

/// The gradient of a sink: its share takes from the weights of all keys, and gives to no value.
fn sink_gradient(block: &Block, sink: f32, log_sums: &[f32], shifts: &[f32; BLOCK]) -> f32 {
    let queries = block.queries.clone().zip(shifts);
    queries.map(|(query, shift)| -exp(sink - log_sums[query]) * shift).sum()
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
        let Some(cap) = block.heads.cap else {
            exp_shifted(masked(weights, seen), log_sums[query]);
            for (d_score, weight) in d_scores.iter_mut().zip(weights) {
                *d_score = *weight * (*d_score - shift);
            }
            continue;
        };
        capped(masked(weights, seen.clone()), cap);
        let inverse = 1.0 / cap;
        for (d_score, score) in d_scores.iter_mut().zip(&*weights) {
            // d (c tanh(s / c)) / ds = 1 - tanh(s / c)^2
            let share = score * inverse;
            *d_score = (*d_score - shift) * share.mul_add(-share, 1.0);
        }
        exp_shifted(masked(weights, seen), log_sums[query]);
        for (d_score, weight) in d_scores.iter_mut().zip(weights) {
            *d_score *= *weight;
        }
    }
}
