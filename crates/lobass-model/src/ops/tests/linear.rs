//! Linear attention: its convolutions, decays, and the delta rule.

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::attention::trees;
use super::{apart, assert_close, both, random, values, vector};
use crate::DecoderSpec;
use crate::batch::{Packed, parts, tests::rows_of};
use crate::ops::{DecayWeights, DeltaHeads, DeltaInputs, LayerPath, Ops, StatePath, Tables};
use crate::testing::tiny_with;

/// The tables of all rows of packed sequences, with the shifts of a convolution.
fn tables(ops: &dyn Ops, packed: &Packed, size: usize, is_traced: bool) -> Tables {
    let mut rows = Tables::new(rows_of(packed, &[]).0, &ops.device());
    rows.add_shifts(size, |spans| ops.shifts(size, spans, is_traced));
    rows
}

fn heads() -> impl Strategy<Value = DeltaHeads> {
    (1usize..3, 1usize..4, 1usize..7, 1usize..7).prop_map(|(keys, groups, key_width, value_width)| {
        DeltaHeads { keys, values: keys * groups, key_width, value_width }
    })
}

/// Keys are as long as they are in models, so that memories stay small.
fn inputs(heads: DeltaHeads, rows: usize, seed: u64) -> DeltaInputs {
    let keys = [rows, heads.keys * heads.key_width];
    let short = 1.0 / (heads.key_width as f32).sqrt();
    DeltaInputs {
        queries: random(seed, keys) * short,
        keys: random(seed ^ 1, keys) * short,
        values: random(seed ^ 2, [rows, heads.values * heads.value_width]),
        log_decays: random(seed ^ 3, [rows, heads.values]) - 1.0,
        rates: random(seed ^ 4, [rows, heads.values]) * 0.5 + 0.5,
    }
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn convolutions((packed, _) in trees(), channels in 1usize..9, size in 1usize..5, seed: u64) {
        let (host, device) = both();
        let (x, weight) = (random(seed, [packed.n_rows(), channels]), random(seed ^ 1, [channels, size]));
        let found = |ops: &dyn Ops| {
            let rows = tables(ops, &packed, size, false);
            ops.convolved(x.clone(), &weight, &rows, &mut StatePath::default()).0
        };
        assert_close("convolution", found(&host), found(&device));
    }

    #[test]
    fn gradients_of_convolutions(
        lengths in prop::collection::vec(1usize..9, 1..4), channels in 1usize..9, size in 1usize..5, seed: u64,
    ) {
        let (host, device) = both();
        let (packed, shape) = (apart(&lengths), [lengths.iter().sum(), channels]);
        let (x, weight) = (random(seed, shape), random(seed ^ 1, [channels, size]));
        let found = |ops: &dyn Ops| {
            ops.convolved_backward(x.clone(), &weight, random(seed ^ 2, shape), &tables(ops, &packed, size, true))
        };
        let ((dx, d_weight), (dx_plain, d_weight_plain)) = (found(&host), found(&device));
        assert_close("dx", dx, dx_plain);
        assert_close("d_weight", d_weight, d_weight_plain);
    }

    #[test]
    fn decays(rows in 1usize..9, heads in 1usize..5, seed: u64) {
        let (host, device) = both();
        let (x, d) = (random(seed, [rows, heads]) * 3.0, random(seed ^ 1, [rows, heads]));
        let weights = DecayWeights { log_rates: vector(seed ^ 2, heads), biases: vector(seed ^ 3, heads) };
        assert_close("decays", host.log_decays(x.clone(), &weights).0, device.log_decays(x.clone(), &weights).0);
        let gradients = |ops: &dyn Ops| ops.log_decays_backward(x.clone(), &weights, d.clone());
        let ((dx, found), (dx_plain, expected)) = (gradients(&host), gradients(&device));
        assert_close("dx", dx, dx_plain);
        let scaled = |x: Tensor<1>| x / rows as f32;
        assert_close("d_log_rates", scaled(found.log_rates), scaled(expected.log_rates));
        assert_close("d_biases", scaled(found.biases), scaled(expected.biases));
    }

    #[test]
    fn delta_rules((packed, _) in trees(), heads in heads(), seed: u64) {
        let (host, device) = both();
        let inputs = inputs(heads, packed.n_rows(), seed);
        let found = |ops: &dyn Ops| {
            let rows = tables(ops, &packed, 1, false);
            ops.delta_rule(inputs.clone(), heads, &rows, &mut StatePath::default()).0
        };
        assert_close("what is read", found(&host), found(&device));
    }

    #[test]
    fn parts_of_a_pass_carry_what_comes_before(
        (packed, _) in trees(), rows_at_once in 1usize..9, heads in heads(), size in 1usize..5, seed: u64,
    ) {
        let (host, _) = both();
        let inputs = inputs(heads, packed.n_rows(), seed);
        let weight = random(seed ^ 5, [heads.values * heads.value_width, size]);
        let spec = DecoderSpec::from_json(&tiny_with("")).unwrap();
        let all: Vec<usize> = (0..packed.n_rows()).collect();
        let run = |rows_at_once: usize| -> Vec<f32> {
            let (mut path, mut start, mut found) = (LayerPath::default(), 0, Vec::new());
            for part in parts(&spec, &packed, &all, rows_at_once) {
                let (n_rows, rows) = (part.input_ids.len(), Tables::new(part.all, &host.device()));
                let of = |x: &Tensor<2>| x.clone().narrow(0, start, n_rows);
                let DeltaInputs { queries, keys, values: v, log_decays, rates } = &inputs;
                let [queries, keys, v] = [of(queries), of(keys), of(v)];
                let (v, _) = host.convolved(v, &weight, &rows, &mut path.convolutions[2]);
                let inputs =
                    DeltaInputs { queries, keys, values: v, log_decays: of(log_decays), rates: of(rates) };
                found.extend(values(host.delta_rule(inputs, heads, &rows, &mut path.rule).0));
                start += n_rows;
            }
            found
        };
        prop_assert_eq!(run(rows_at_once), run(packed.n_rows()));
    }

    #[test]
    fn gradients_of_delta_rules(
        lengths in prop::collection::vec(1usize..80, 1..3), heads in heads(), seed: u64,
    ) {
        let (host, device) = both();
        let (packed, n_rows) = (apart(&lengths), lengths.iter().sum());
        let inputs = inputs(heads, n_rows, seed);
        let found = |ops: &dyn Ops| {
            let rows = tables(ops, &packed, 1, true);
            let (read, inputs) = ops.delta_rule(inputs.clone(), heads, &rows, &mut StatePath::default());
            let d_read = random(seed ^ 5, read.dims());
            (read, ops.delta_rule_backward(inputs, heads, d_read, &rows))
        };
        let ((read, found), (read_plain, expected)) = (found(&host), found(&device));
        assert_close("what is read", read, read_plain);
        assert_close("d_queries", found.queries, expected.queries);
        assert_close("d_keys", found.keys, expected.keys);
        assert_close("d_values", found.values, expected.values);
        assert_close("d_log_decays", found.log_decays, expected.log_decays);
        assert_close("d_rates", found.rates, expected.rates);
    }
}
