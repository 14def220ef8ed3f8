//! The reference of attention.

use std::ops::Range;

use crate::Heads;

/// [`causal_attention`](crate::causal_attention), one query after another.
pub fn causal_attention(
    heads: Heads,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    sinks: Option<&[f64]>,
    out: &mut [f64],
    log_sums: &mut [f64],
) {
    let positions = q.len() / (heads.queries * heads.width);
    for head in 0..heads.queries {
        for query in 0..positions {
            let scores: Vec<f64> =
                seen(heads, query).map(|key| score(heads, q, k, head, query, key)).collect();
            let sink = sinks.map_or(f64::NEG_INFINITY, |sinks| sinks[head]);
            let max = scores.iter().copied().fold(sink, f64::max);
            let sum = scores.iter().map(|score| (score - max).exp()).sum::<f64>() + (sink - max).exp();
            log_sums[head * positions + query] = max + sum.ln();
            for i in 0..heads.value_width {
                let weighted = scores
                    .iter()
                    .zip(seen(heads, query))
                    .map(|(score, key)| (score - max).exp() / sum * v[of_value(heads, key, head) + i]);
                out[of_result(heads, query, head) + i] = weighted.sum();
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
    sinks: Option<&[f64]>,
    out: &[f64],
    log_sums: &[f64],
    d_out: &[f64],
    dq: &mut [f64],
    dk: &mut [f64],
    dv: &mut [f64],
    mut d_sinks: Option<&mut [f64]>,
) {
    let (positions, scale) = (q.len() / (heads.queries * heads.width), f64::from(heads.scale));
    dq.fill(0.0);
    dk.fill(0.0);
    dv.fill(0.0);
    for head in 0..heads.queries {
        for query in 0..positions {
            let (at, to) = (of_query(heads, query, head), of_result(heads, query, head));
            let log_sum = log_sums[head * positions + query];
            let shift: f64 = (to..to + heads.value_width).map(|i| out[i] * d_out[i]).sum();
            if let (Some(sinks), Some(d_sinks)) = (sinks, d_sinks.as_deref_mut()) {
                d_sinks[head] -= (sinks[head] - log_sum).exp() * shift;
            }
            for key in seen(heads, query) {
                let (of, from) = (of_key(heads, key, head), of_value(heads, key, head));
                let score = score(heads, q, k, head, query, key);
                let slope = heads.cap.map_or(1.0, |cap| 1.0 - (score / f64::from(cap)).powi(2));
                let weight = (score - log_sum).exp();
                let d_weight: f64 = (0..heads.value_width).map(|i| d_out[to + i] * v[from + i]).sum();
                let d_score = weight * (d_weight - shift) * slope * scale;
                for i in 0..heads.value_width {
                    dv[from + i] += weight * d_out[to + i];
                }
                for i in 0..heads.width {
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

fn of_result(heads: Heads, query: usize, head: usize) -> usize {
    (query * heads.queries + head) * heads.value_width
}

fn of_value(heads: Heads, key: usize, head: usize) -> usize {
    (key * heads.keys + head / (heads.queries / heads.keys)) * heads.value_width
}

/// What the product of a query and a key counts as.
fn score(heads: Heads, q: &[f64], k: &[f64], head: usize, query: usize, key: usize) -> f64 {
    let (at, of) = (of_query(heads, query, head), of_key(heads, key, head));
    let scaled = (0..heads.width).map(|i| q[at + i] * k[of + i]).sum::<f64>() * f64::from(heads.scale);
    heads.cap.map_or(scaled, |cap| f64::from(cap) * (scaled / f64::from(cap)).tanh())
}
