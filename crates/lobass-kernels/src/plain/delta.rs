//! The reference of the gated delta rule.

use crate::DeltaHeads;

/// [`delta_rule`](crate::delta_rule()), one number after another.
#[expect(clippy::too_many_arguments, reason = "they are what the result is a function of")]
pub fn delta_rule(
    heads: DeltaHeads,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    log_decays: &[f64],
    rates: &[f64],
    state: &mut [f64],
    out: &mut [f64],
) {
    let DeltaHeads { values, key_width, value_width, .. } = heads;
    for at in 0..log_decays.len() {
        let (head, position) = (at % values, at / values);
        let key = key(heads, position, head);
        for column in 0..value_width {
            let value = at * value_width + column;
            let cell = |row: usize| (head * key_width + row) * value_width + column;
            for row in 0..key_width {
                state[cell(row)] *= log_decays[at].exp();
            }
            let known: f64 = (0..key_width).map(|row| state[cell(row)] * k[key + row]).sum();
            let written = rates[at] * (v[value] - known);
            for row in 0..key_width {
                state[cell(row)] += k[key + row] * written;
            }
            out[value] = (0..key_width).map(|row| state[cell(row)] * q[key + row]).sum();
        }
    }
}

/// [`delta_rule_backward`](crate::delta_rule_backward), from the matrices of all positions.
#[expect(clippy::too_many_arguments, reason = "they are what the gradient is a function of")]
pub fn delta_rule_backward(
    heads: DeltaHeads,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    log_decays: &[f64],
    rates: &[f64],
    d_out: &[f64],
    dq: &mut [f64],
    dk: &mut [f64],
    dv: &mut [f64],
    d_log_decays: &mut [f64],
    d_rates: &mut [f64],
) {
    let DeltaHeads { values, key_width, value_width, .. } = heads;
    for gradient in [&mut *dq, &mut *dk, &mut *d_log_decays, &mut *d_rates] {
        gradient.fill(0.0);
    }
    for head in 0..values {
        for column in 0..value_width {
            // The column before each position.
            let mut states = vec![vec![0.0; key_width]];
            let of = |position: usize| (position * values + head, key(heads, position, head));
            let written = |decayed: &[f64], position: usize| {
                let (at, key) = of(position);
                let known: f64 = (0..key_width).map(|row| decayed[row] * k[key + row]).sum();
                rates[at] * (v[at * value_width + column] - known)
            };
            let decayed = |state: &[f64], position: usize| -> Vec<f64> {
                state.iter().map(|x| x * log_decays[of(position).0].exp()).collect()
            };
            let positions = log_decays.len() / values;
            for position in 0..positions {
                let (key, mut state) = (of(position).1, decayed(&states[position], position));
                let written = written(&state, position);
                (0..key_width).for_each(|row| state[row] += k[key + row] * written);
                states.push(state);
            }
            let mut d_state = vec![0.0; key_width];
            for position in (0..positions).rev() {
                let (at, key) = of(position);
                let value = at * value_width + column;
                let (after, decayed) = (&states[position + 1], decayed(&states[position], position));
                let written = written(&decayed, position);
                for row in 0..key_width {
                    dq[key + row] += after[row] * d_out[value];
                    d_state[row] += q[key + row] * d_out[value];
                }
                let d_written: f64 = (0..key_width).map(|row| d_state[row] * k[key + row]).sum();
                let known: f64 = (0..key_width).map(|row| decayed[row] * k[key + row]).sum();
                dv[value] = rates[at] * d_written;
                d_rates[at] += d_written * (v[value] - known);
                for row in 0..key_width {
                    dk[key + row] += d_state[row] * written - decayed[row] * dv[value];
                    d_state[row] -= k[key + row] * dv[value];
                    d_log_decays[at] += d_state[row] * decayed[row];
                    d_state[row] *= log_decays[at].exp();
                }
            }
        }
    }
}

fn key(heads: DeltaHeads, position: usize, head: usize) -> usize {
    (position * heads.keys + head / (heads.values / heads.keys)) * heads.key_width
}

/// [`log_decays`](crate::log_decays), one number after another.
pub fn log_decays(log_rates: &[f64], biases: &[f64], x: &mut [f64]) {
    for (at, x) in x.iter_mut().enumerate() {
        let head = at % log_rates.len();
        *x = -log_rates[head].exp() * (*x + biases[head]).exp().ln_1p();
    }
}

/// [`log_decays_backward`](crate::log_decays_backward), one number after another.
pub fn log_decays_backward(
    log_rates: &[f64],
    biases: &[f64],
    x: &[f64],
    d: &mut [f64],
    d_log_rates: &mut [f64],
    d_biases: &mut [f64],
) {
    for (at, (x, d)) in x.iter().zip(d).enumerate() {
        let head = at % log_rates.len();
        let (rate, moved) = (log_rates[head].exp(), x + biases[head]);
        d_log_rates[head] -= rate * moved.exp().ln_1p() * *d;
        *d *= -rate * moved.exp() / (1.0 + moved.exp());
        d_biases[head] += *d;
    }
}
