//! The gated delta rule itself.

use super::{COLUMNS, DeltaHeads, Lanes, add_scaled, columns, lanes};
use crate::exp::exp;
use crate::lanes::vectorized;

/// Computes the gated delta rule for some positions that follow each other, and leaves the matrices of the last one in
/// `state`.
///
/// With the matrix `S` of a head: `S *= e^log_decay; S += k (rate (v - S^T k))^T; out = S^T q`.
///
/// # Shapes
/// - `q`, `k`: `[t, keys * key_width]`; `v`, `out`: `[t, values * value_width]`
/// - `log_decays`, `rates`: `[t, values]`; `state`: `[values, key_width, value_width]`, zero before the first position
///
/// # Panics
/// If lengths do not fit, or `keys` does not divide `values`.
///
/// Source: `torch_recurrent_gated_delta_rule` of transformers 5.24, without its norms and its factor of queries; Gated
/// Delta Networks ([arXiv 2412.06464](https://arxiv.org/abs/2412.06464), equation 10).
#[expect(clippy::too_many_arguments, reason = "they are what the result is a function of")]
pub fn delta_rule(
    heads: DeltaHeads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    log_decays: &[f32],
    rates: &[f32],
    state: &mut [f32],
    out: &mut [f32],
) {
    let positions = heads.positions(q.len(), k.len(), v.len(), log_decays.len(), rates.len());
    assert_eq!(
        (state.len(), out.len()),
        (heads.state_len(), v.len()),
        "values of the state and of the result"
    );
    for head in 0..heads.values {
        for first in (0..heads.value_width).step_by(COLUMNS) {
            let mut matrix = columns(heads, state, head, first);
            vectorized(
                #[inline(always)]
                || {
                    for position in 0..positions {
                        let at = position * heads.values + head;
                        let (key, value) = (heads.key(position, head), heads.value(position, head, first));
                        let written = step(
                            &mut matrix,
                            &k[key.clone()],
                            &lanes(&v[value.clone()]),
                            log_decays[at],
                            rates[at],
                        );
                        let read = write_and_read(&mut matrix, &k[key.clone()], &written, &q[key]);
                        let width = value.len();
                        out[value].copy_from_slice(&read[..width]);
                    }
                },
            );
            for (row, lanes) in matrix.iter().enumerate() {
                let start = (head * heads.key_width + row) * heads.value_width + first;
                let width = (heads.value_width - first).min(COLUMNS);
                state[start..start + width].copy_from_slice(&lanes[..width]);
            }
        }
    }
}

/// Lets the matrix decay, and returns what is to be written for the key: `rate (v - S^T k)`.
#[inline(always)]
pub(super) fn step(matrix: &mut [Lanes], k: &[f32], v: &Lanes, log_decay: f32, rate: f32) -> Lanes {
    let decay = exp(log_decay);
    let mut known = [0.0; COLUMNS];
    for (row, k) in matrix.iter_mut().zip(k) {
        for (known, x) in known.iter_mut().zip(row) {
            *x *= decay;
            *known = k.mul_add(*x, *known);
        }
    }
    let mut written = [0.0; COLUMNS];
    for ((written, v), known) in written.iter_mut().zip(v).zip(&known) {
        *written = rate * (v - known);
    }
    written
}

/// Writes for a key, and reads for a query.
#[inline(always)]
fn write_and_read(matrix: &mut [Lanes], k: &[f32], written: &Lanes, q: &[f32]) -> Lanes {
    let mut read = [0.0; COLUMNS];
    for ((row, k), q) in matrix.iter_mut().zip(k).zip(q) {
        add_scaled(row, *k, written);
        add_scaled(&mut read, *q, row);
    }
    read
}
