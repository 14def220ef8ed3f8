//! The gradient of the gated delta rule.
//!
//! The matrices before every so many positions are kept. From them, those in between are made again, latest positions
//! first.

use super::forward::step;
use super::{COLUMNS, DeltaHeads, Lanes, add_scaled, columns, lanes};
use crate::exp::exp;
use crate::lanes::vectorized;

/// Positions whose matrices are made again together.
const STRETCH: usize = 32;

/// What [`delta_rule`](crate::delta_rule) took, for whole sequences.
#[derive(Debug, Clone, Copy)]
struct Inputs<'a> {
    heads: DeltaHeads,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    log_decays: &'a [f32],
    rates: &'a [f32],
}

/// Overwrites the gradients of what [`delta_rule`](crate::delta_rule) took, given that of `out`. The matrices before the
/// first position are zero, and those after the last one are not used.
///
/// # Shapes
/// The shapes of [`delta_rule`](crate::delta_rule); a gradient has the shape of what it belongs to.
///
/// # Panics
/// If lengths do not fit, or `keys` does not divide `values`.
#[expect(clippy::too_many_arguments, reason = "they are what the gradient is a function of")]
pub fn delta_rule_backward(
    heads: DeltaHeads,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    log_decays: &[f32],
    rates: &[f32],
    d_out: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    d_log_decays: &mut [f32],
    d_rates: &mut [f32],
) {
    let positions = heads.positions(q.len(), k.len(), v.len(), log_decays.len(), rates.len());
    heads.positions(dq.len(), dk.len(), dv.len(), d_log_decays.len(), d_rates.len());
    assert_eq!((d_out.len(), dq.len(), dv.len()), (v.len(), q.len(), v.len()), "values, and gradients");
    for gradient in [&mut *dq, &mut *dk, &mut *d_log_decays, &mut *d_rates] {
        gradient.fill(0.0);
    }
    let inputs = Inputs { heads, q, k, v, log_decays, rates };
    let zeros = vec![0.0; heads.state_len()];
    for head in 0..heads.values {
        for first in (0..heads.value_width).step_by(COLUMNS) {
            let empty = columns(heads, &zeros, head, first);
            vectorized(
                #[inline(always)]
                || {
                    let kept = inputs.kept(head, first, positions, &empty);
                    let mut d_matrix = empty.clone();
                    for (stretch, before) in kept.iter().enumerate().rev() {
                        let from = stretch * STRETCH;
                        let to = positions.min(from + STRETCH);
                        for (position, before) in
                            inputs.matrices(head, first, from..to, before).iter().enumerate().rev()
                        {
                            let (position, place) =
                                (from + position, heads.value(from + position, head, first));
                            let (at, key) = (position * heads.values + head, heads.key(position, head));
                            let mut found = Found {
                                dq: &mut dq[key.clone()],
                                dk: &mut dk[key],
                                d_log_decay: &mut d_log_decays[at],
                                d_rate: &mut d_rates[at],
                            };
                            let d_value = inputs.back(
                                head,
                                first,
                                position,
                                before,
                                &lanes(&d_out[place.clone()]),
                                &mut d_matrix,
                                &mut found,
                            );
                            let width = place.len();
                            dv[place].copy_from_slice(&d_value[..width]);
                        }
                    }
                },
            );
        }
    }
}

/// The gradients of one position that columns add to.
struct Found<'a> {
    dq: &'a mut [f32],
    dk: &'a mut [f32],
    d_log_decay: &'a mut f32,
    d_rate: &'a mut f32,
}

impl Inputs<'_> {
    /// One position after the matrix before it.
    #[inline(always)]
    fn go(&self, head: usize, first: usize, position: usize, matrix: &mut [Lanes]) {
        let at = position * self.heads.values + head;
        let k = &self.k[self.heads.key(position, head)];
        let v = lanes(&self.v[self.heads.value(position, head, first)]);
        let written = step(matrix, k, &v, self.log_decays[at], self.rates[at]);
        for (row, k) in matrix.iter_mut().zip(k) {
            add_scaled(row, *k, &written);
        }
    }

    /// The matrices before every stretch of positions.
    #[inline(always)]
    fn kept(&self, head: usize, first: usize, positions: usize, empty: &[Lanes]) -> Vec<Vec<Lanes>> {
        let mut matrix = empty.to_vec();
        let mut kept = Vec::with_capacity(positions.div_ceil(STRETCH));
        for position in 0..positions {
            if position.is_multiple_of(STRETCH) {
                kept.push(matrix.clone());
            }
            self.go(head, first, position, &mut matrix);
        }
        kept
    }

    /// The matrices before some positions.
    #[inline(always)]
    fn matrices(
        &self,
        head: usize,
        first: usize,
        positions: std::ops::Range<usize>,
        before: &[Lanes],
    ) -> Vec<Vec<Lanes>> {
        let mut matrices = vec![before.to_vec()];
        for position in positions.start..positions.end - 1 {
            let mut matrix = matrices[position - positions.start].clone();
            self.go(head, first, position, &mut matrix);
            matrices.push(matrix);
        }
        matrices
    }

    /// Adds the gradients of one position, and returns that of its value. `d_matrix` is the gradient of the matrix after
    /// the position, and then of the one before it.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "they are what the gradient is a function of")]
    fn back(
        &self,
        head: usize,
        first: usize,
        position: usize,
        before: &[Lanes],
        d_read: &Lanes,
        d_matrix: &mut [Lanes],
        found: &mut Found<'_>,
    ) -> Lanes {
        let at = position * self.heads.values + head;
        let key = self.heads.key(position, head);
        let (q, k) = (&self.q[key.clone()], &self.k[key]);
        let v = lanes(&self.v[self.heads.value(position, head, first)]);
        let (decay, rate) = (exp(self.log_decays[at]), self.rates[at]);
        let mut decayed = before.to_vec();
        let written = step(&mut decayed, k, &v, self.log_decays[at], rate);

        // out = S^T q, S = decayed + k written^T
        let mut d_written = [0.0; COLUMNS];
        for (((d_row, row), (q, k)), dq) in
            d_matrix.iter_mut().zip(&decayed).zip(q.iter().zip(k)).zip(&mut *found.dq)
        {
            *dq += dot(row, d_read) + k * dot(&written, d_read);
            add_scaled(d_row, *q, d_read);
            add_scaled(&mut d_written, *k, d_row);
        }
        // written = rate (v - decayed^T k)
        let (mut d_value, mut difference) = ([0.0; COLUMNS], v);
        for (d_value, d_written) in d_value.iter_mut().zip(&d_written) {
            *d_value = rate * d_written;
        }
        for (row, k) in decayed.iter().zip(k) {
            add_scaled(&mut difference, -k, row);
        }
        *found.d_rate += dot(&d_written, &difference);
        // decayed = decay before
        for (((d_row, row), k), dk) in d_matrix.iter_mut().zip(&decayed).zip(k).zip(&mut *found.dk) {
            *dk += dot(d_row, &written) - dot(row, &d_value);
            add_scaled(d_row, -k, &d_value);
            *found.d_log_decay += dot(d_row, row);
            for d in d_row {
                *d *= decay;
            }
        }
        d_value
    }
}

/// The sum of the products of all columns, as a tree.
#[inline(always)]
fn dot(x: &Lanes, y: &Lanes) -> f32 {
    let mut products = [0.0; COLUMNS];
    for ((product, x), y) in products.iter_mut().zip(x).zip(y) {
        *product = x * y;
    }
    let mut half = COLUMNS / 2;
    while half > 0 {
        let (low, high) = products.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        half /= 2;
    }
    products[0]
}
