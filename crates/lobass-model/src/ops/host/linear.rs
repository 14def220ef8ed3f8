//! Linear attention by kernels, run of rows by run of rows.

use burn::tensor::Tensor;
use lobass_kernels::DeltaHeads;

use super::buffers::buffer;
use super::lent::{Lent, Read, tensor};
use super::scaled;
use crate::ops::linear::{DecayWeights, DeltaInputs};
use crate::ops::path::StatePath;
use crate::ops::tables::Tables;

pub(super) fn convolved(
    x: Tensor<2>,
    weight: &Tensor<2>,
    rows: &Tables,
    path: &mut StatePath,
) -> (Tensor<2>, Tensor<2>) {
    let (shape, [channels, size]) = (x.dims(), weight.dims());
    let (x, weight) = (Lent::new(x), Read::new(weight));
    let mut y = buffer(x.values().len());
    for (at, span) in rows.spans.iter().enumerate() {
        let values = scaled(&span.rows, channels);
        let (x, y) = (&x.values()[values.clone()], &mut y[values]);
        let lane = path.of_span(at);
        let mut before = lane.before(span.position, (size - 1) * channels);
        lobass_kernels::causal_conv(x, weight.values::<f32>(), &before, size, y);
        before.extend_from_slice(x);
        lane.keep(span.end(), before.split_off(x.len()));
    }
    (tensor(y, shape), x.back())
}

pub(super) fn convolved_backward(
    x: Tensor<2>,
    weight: &Tensor<2>,
    d_output: Tensor<2>,
    rows: &Tables,
) -> (Tensor<2>, Tensor<2>) {
    let (shape, [channels, size]) = (x.dims(), weight.dims());
    let (x, d_output, weight) = (Lent::new(x), Lent::new(d_output), Read::new(weight));
    let (mut dx, mut d_weight) = (buffer(x.values().len()), vec![0.0; channels * size]);
    for span in &rows.spans {
        let values = scaled(&span.rows, channels);
        lobass_kernels::causal_conv_backward(
            &x.values()[values.clone()],
            weight.values::<f32>(),
            size,
            &d_output.values()[values.clone()],
            &mut dx[values],
            Some(&mut d_weight),
        );
    }
    (tensor(dx, shape), tensor(d_weight, [channels, size]))
}

pub(super) fn log_decays(x: Tensor<2>, weights: &DecayWeights) -> (Tensor<2>, Tensor<2>) {
    let shape = x.dims();
    let (rates, biases) = (Read::new(&weights.log_rates), Read::new(&weights.biases));
    let x = Lent::new(x);
    let mut decays = x.values().to_vec();
    lobass_kernels::log_decays(rates.values::<f32>(), biases.values::<f32>(), &mut decays);
    (tensor(decays, shape), x.back())
}

pub(super) fn log_decays_backward(
    x: Tensor<2>,
    weights: &DecayWeights,
    d_output: Tensor<2>,
) -> (Tensor<2>, DecayWeights) {
    let heads = x.dims()[1];
    let (rates, biases) = (Read::new(&weights.log_rates), Read::new(&weights.biases));
    let (x, mut d) = (Lent::new(x), Lent::new(d_output));
    let (mut d_rates, mut d_biases) = (vec![0.0; heads], vec![0.0; heads]);
    lobass_kernels::log_decays_backward(
        rates.values::<f32>(),
        biases.values::<f32>(),
        x.values(),
        d.values_mut(),
        &mut d_rates,
        &mut d_biases,
    );
    let (log_rates, biases) = (tensor(d_rates, [heads]), tensor(d_biases, [heads]));
    (d.back(), DecayWeights { log_rates, biases })
}

pub(super) fn delta_rule(
    inputs: DeltaInputs,
    heads: DeltaHeads,
    rows: &Tables,
    path: &mut StatePath,
) -> (Tensor<2>, DeltaInputs) {
    let shape = inputs.values.dims();
    let [q, k, v, decays, rates] = lent(inputs);
    let mut out = buffer(v.values().len());
    for (at, span) in rows.spans.iter().enumerate() {
        let [keys, values, single] = widths(heads).map(|width| scaled(&span.rows, width));
        let lane = path.of_span(at);
        let mut state = lane.before(span.position, heads.state_len());
        lobass_kernels::delta_rule(
            heads,
            &q.values()[keys.clone()],
            &k.values()[keys],
            &v.values()[values.clone()],
            &decays.values()[single.clone()],
            &rates.values()[single],
            &mut state,
            &mut out[values],
        );
        lane.keep(span.end(), state);
    }
    let [queries, keys, values, log_decays, rates] = [q, k, v, decays, rates].map(Lent::back);
    (tensor(out, shape), DeltaInputs { queries, keys, values, log_decays, rates })
}

pub(super) fn delta_rule_backward(
    inputs: DeltaInputs,
    heads: DeltaHeads,
    d_output: Tensor<2>,
    rows: &Tables,
) -> DeltaInputs {
    let (d_output, inputs) = (Lent::new(d_output), lent(inputs));
    let [q, k, v, decays, rates] = &inputs;
    let mut gradients = inputs.each_ref().map(|of| buffer(of.values().len()));
    let [dq, dk, dv, d_decays, d_rates] = &mut gradients;
    for span in &rows.spans {
        let [keys, values, single] = widths(heads).map(|width| scaled(&span.rows, width));
        lobass_kernels::delta_rule_backward(
            heads,
            &q.values()[keys.clone()],
            &k.values()[keys.clone()],
            &v.values()[values.clone()],
            &decays.values()[single.clone()],
            &rates.values()[single.clone()],
            &d_output.values()[values.clone()],
            &mut dq[keys.clone()],
            &mut dk[keys],
            &mut dv[values],
            &mut d_decays[single.clone()],
            &mut d_rates[single],
        );
    }
    let n_rows = d_output.values().len() / (heads.values * heads.value_width);
    let [queries, keys, values, log_decays, rates] = gradients.map(|gradient| {
        let width = gradient.len() / n_rows;
        tensor(gradient, [n_rows, width])
    });
    DeltaInputs { queries, keys, values, log_decays, rates }
}

fn lent(inputs: DeltaInputs) -> [Lent; 5] {
    let DeltaInputs { queries, keys, values, log_decays, rates } = inputs;
    [queries, keys, values, log_decays, rates].map(Lent::new)
}

/// Numbers per row: of keys, of values, of decays and rates.
fn widths(heads: DeltaHeads) -> [usize; 3] {
    [heads.keys * heads.key_width, heads.values * heads.value_width, heads.values]
}
