//! The reference of attention.

use std::ops::Range;

use crate::Heads;

/// [`causal_attention`](crate::causal_attention), one query after another.
pub fn causal_attention(
    heads: Heads,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    out: &mut [f64],
    log_sums: &mut [f64],
) {
    let (positions, width) = (q.len() / (heads.queries * heads.width), heads.width);
    for head in 0..heads.queries {
        for query in 0..positions {
            let scores: Vec<f64> =
                seen(heads, query).map(|key| score(heads, q, k, head, query, key)).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
            log_sums[head * positions + query] = max + sum.ln();
            for i in 0..width {
                let weighted = scores
                    .iter()
                    .zip(seen(heads, query))
                    .map(|(score, key)| (score - max).exp() / sum * v[of_key(heads, key, head) + i]);
                out[of_query(heads, query, head) + i] = weighted.sum();
            }
        }
    }
}

/// [`causal_attention_backward`](crate::causal_attention_backward), one pair of query and key after another.
#[expect(clippy::too_many_arguments, reason = "they are what the gradient is a function of")]
pub fn causal_attention_backward(
    heads: Heads,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    out: &[f64],
    log_sums: &[f64],
    d_out: &[f64],
    dq: &mut [f64],
    dk: &mut [f64],
    dv: &mut [f64],
) {
    let (positions, width, scale) =
        (q.len() / (heads.queries * heads.width), heads.width, f64::from(heads.scale));
    dq.fill(0.0);
    dk.fill(0.0);
    dv.fill(0.0);
    for head in 0..heads.queries {
        for query in 0..positions {
            let at = of_query(heads, query, head);
            let shift: f64 = (at..at + width).map(|i| out[i] * d_out[i]).sum();
            for key in seen(heads, query) {
                let of = of_key(heads, key, head);
                let log_sum = log_sums[head * positions + query];
                let weight = (score(heads, q, k, head, query, key) - log_sum).exp();
                let d_weight: f64 = (0..width).map(|i| d_out[at + i] * v[of + i]).sum();
                let d_score = weight * (d_weight - shift) * scale;
                for i in 0..width {
                    dv[of + i] += weight * d_out[at + i];
                    dq[at + i] += d_score * k[of + i];
                    dk[of + i] += d_score * q[at + i];
                }
            }
        }
    }
}

fn seen(heads: Heads, query: usize) -> Range<usize> {
    heads.window.map_or(0, |window| (query + 1).saturating_sub(window))..query + 1
}

fn of_query(heads: Heads, query: usize, head: usize) -> usize {
    (query * heads.queries + head) * heads.width
}

fn of_key(heads: Heads, key: usize, head: usize) -> usize {
    (key * heads.keys + head / (heads.queries / heads.keys)) * heads.width
}

fn score(heads: Heads, q: &[f64], k: &[f64], head: usize, query: usize, key: usize) -> f64 {
    let (at, of) = (of_query(heads, query, head), of_key(heads, key, head));
    (0..heads.width).map(|i| q[at + i] * k[of + i]).sum::<f64>() * f64::from(heads.scale)
}
