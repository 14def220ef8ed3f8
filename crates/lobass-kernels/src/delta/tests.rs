//! The gated delta rule against its plain version, the plain gradient against differences, and cuts.

use proptest::prelude::*;

use super::*;
use crate::check::{assert_close, assert_gradient, values, weighted, wide};
use crate::plain;

/// Queries, keys, values, logarithms of decays, and rates: of the size that they have in models.
fn inputs(heads: DeltaHeads, positions: usize, seed: u64) -> [Vec<f32>; 5] {
    let (keys, values_len) =
        (positions * heads.keys * heads.key_width, positions * heads.values * heads.value_width);
    let scaled =
        |seed: u64, len: usize, factor: f32| values(seed, len).into_iter().map(|x| x * factor).collect();
    let narrow = 0.6 / (heads.key_width as f32).sqrt();
    [
        scaled(seed, keys, narrow),
        scaled(seed ^ 1, keys, narrow),
        values(seed ^ 2, values_len),
        values(seed ^ 3, positions * heads.values).into_iter().map(|x| -x.abs() * 0.3).collect(),
        values(seed ^ 4, positions * heads.values).into_iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
    ]
}

fn heads() -> impl Strategy<Value = DeltaHeads> {
    (1usize..3, 1usize..4, 1usize..9, 1usize..70).prop_map(|(keys, group, key_width, value_width)| {
        DeltaHeads { keys, values: keys * group, key_width, value_width }
    })
}

fn run(heads: DeltaHeads, [q, k, v, decays, rates]: [&[f32]; 5], state: &mut [f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; v.len()];
    delta_rule(heads, q, k, v, decays, rates, state, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn is_the_plain_one(heads in heads(), positions in 0usize..70, seed: u64) {
        let inputs = inputs(heads, positions, seed);
        let [q, k, v, decays, rates] = &inputs;
        let mut state = vec![0.0; heads.state_len()];
        let out = run(heads, [q, k, v, decays, rates], &mut state);
        let wide_inputs = inputs.each_ref().map(|values| wide(values));
        let [q_wide, k_wide, v_wide, decays_wide, rates_wide] = &wide_inputs;
        let (mut expected, mut expected_state) = (vec![0.0; v.len()], vec![0.0; state.len()]);
        plain::delta_rule(heads, q_wide, k_wide, v_wide, decays_wide, rates_wide, &mut expected_state, &mut expected);
        assert_close(&out, &expected, 1e-5);
        assert_close(&state, &expected_state, 1e-5);

        let d_out = values(seed ^ 5, v.len());
        let mut found = inputs.each_ref().map(|of| vec![f32::NAN; of.len()]);
        let [dq, dk, dv, d_decays, d_rates] = &mut found;
        delta_rule_backward(heads, q, k, v, decays, rates, &d_out, dq, dk, dv, d_decays, d_rates);
        let mut expected = inputs.each_ref().map(|of| vec![0.0; of.len()]);
        let [dq, dk, dv, d_decays, d_rates] = &mut expected;
        plain::delta_rule_backward(
            heads, q_wide, k_wide, v_wide, decays_wide, rates_wide, &wide(&d_out), dq, dk, dv, d_decays, d_rates,
        );
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(found, expected, 1e-4);
        }
    }

    #[test]
    fn a_sequence_may_be_cut_anywhere(
        heads in heads(), positions in 1usize..40, cut in any::<prop::sample::Index>(), seed: u64,
    ) {
        let inputs = inputs(heads, positions, seed);
        let mut state = vec![0.0; heads.state_len()];
        let whole = run(heads, inputs.each_ref().map(Vec::as_slice), &mut state);
        let (cut, mut carried) = (cut.index(positions), vec![0.0; heads.state_len()]);
        let part = |from: usize, to: usize, carried: &mut [f32]| {
            let of = |values: &Vec<f32>| {
                let width = values.len() / positions;
                values[from * width..to * width].to_vec()
            };
            let part = inputs.each_ref().map(of);
            run(heads, part.each_ref().map(Vec::as_slice), carried)
        };
        let mut parts = part(0, cut, &mut carried);
        parts.extend(part(cut, positions, &mut carried));
        prop_assert_eq!(parts, whole);
        prop_assert_eq!(carried, state);
    }
}

#[test]
fn plain_gradients_are_the_slopes() {
    let heads = DeltaHeads { keys: 2, values: 4, key_width: 3, value_width: 2 };
    let inputs = inputs(heads, 4, 11).map(|values| wide(&values));
    let d_out = wide(&values(12, inputs[2].len()));
    let loss = |inputs: &[Vec<f64>; 5]| {
        let [q, k, v, decays, rates] = inputs;
        let (mut state, mut out) = (vec![0.0; heads.state_len()], vec![0.0; v.len()]);
        plain::delta_rule(heads, q, k, v, decays, rates, &mut state, &mut out);
        weighted(&out, &d_out)
    };
    let mut gradients = inputs.each_ref().map(|of| vec![0.0; of.len()]);
    let [dq, dk, dv, d_decays, d_rates] = &mut gradients;
    let [q, k, v, decays, rates] = &inputs;
    plain::delta_rule_backward(heads, q, k, v, decays, rates, &d_out, dq, dk, dv, d_decays, d_rates);
    for (which, gradient) in gradients.iter().enumerate() {
        let moved = |values: &[f64]| {
            let mut inputs = inputs.clone();
            inputs[which] = values.to_vec();
            loss(&inputs)
        };
        assert_gradient(moved, &inputs[which], gradient);
    }
}

#[test]
#[should_panic(expected = "do not group")]
fn heads_have_to_group() {
    let heads = DeltaHeads { keys: 2, values: 3, key_width: 1, value_width: 1 };
    delta_rule(heads, &[], &[], &[], &[], &[], &mut [], &mut []);
}
