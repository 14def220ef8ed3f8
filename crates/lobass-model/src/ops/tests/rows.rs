//! Operations on rows alone: norms, gates, activations, sums, rotations.

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::{apart, assert_close, both, random, vector};
use crate::DecoderSpec;
use crate::batch::tests::rows_of;
use crate::ops::{Activation, Gate, LogitForm, NormForm, NormKind, NormWeights, Ops, Rotary, Tables};
use crate::testing::tiny_with;

const ACTIVATIONS: [Activation; 5] =
    [Activation::Sigmoid, Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::ReluSquared];
proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn norms(rows in 1usize..6, width in 1usize..40, has_weight: bool, has_bias: bool, seed: u64) {
        let (host, device) = both();
        let (x, dy) = (random(seed, [rows, width]), random(seed ^ 1, [rows, width]));
        for (kind, weight_offset) in [(NormKind::Rms, 0.0), (NormKind::Rms, 1.0), (NormKind::Layer, 0.0)] {
            let has_bias = has_bias && kind == NormKind::Layer;
            let form = NormForm { kind, eps: if kind == NormKind::Rms { 1e-5 } else { 1e-2 }, weight_offset };
            let weights = NormWeights {
                weight: has_weight.then(|| vector(seed ^ 2, width)),
                bias: has_bias.then(|| vector(seed ^ 3, width)),
            };
            let (found, same) = host.norm(form, x.clone(), &weights);
            assert_close("norm", found, device.norm(form, x.clone(), &weights).0);
            assert_close("input", same, x.clone());
            let gradients = |ops: &dyn Ops| ops.norm_backward(form, x.clone(), &weights, dy.clone(), true);
            let (found, expected) = (gradients(&host), gradients(&device));
            // With few values a norm may be small, and its gradient large.
            let scale = expected.input.clone().abs().max().into_scalar::<f32>().max(1.0);
            assert_close("dx", found.input / scale, expected.input / scale);
            let same_parameters = |what, found: Option<Tensor<1>>, expected: Option<Tensor<1>>, is_there| {
                assert_eq!((found.is_some(), expected.is_some()), (is_there, is_there), "{what}");
                found.zip(expected).into_iter().for_each(|(found, expected)| assert_close(what, found, expected));
            };
            same_parameters("dw", found.weight, expected.weight, has_weight);
            same_parameters("db", found.bias, expected.bias, has_bias);
            let alone = host.norm_backward(form, x.clone(), &weights, dy.clone(), false);
            prop_assert!(alone.weight.is_none() && alone.bias.is_none());
        }
    }

    #[test]
    fn gates(rows in 1usize..6, width in 1usize..40, seed: u64) {
        let ((host, device), shape) = (both(), [rows, width]);
        let (gate, up) = (random(seed, shape) * 6.0, random(seed ^ 1, shape) * 2.0);
        let d_output = random(seed ^ 2, shape);
        let clamped = Gate::Clamped { slope: 1.702, limit: 1.0 };
        for how in ACTIVATIONS.map(Gate::Of).into_iter().chain([clamped]) {
            let (found, ..) = host.gated(how, gate.clone(), up.clone());
            assert_close("gate", found, device.gated(how, gate.clone(), up.clone()).0);
            let (d_gate, d_up) = host.gated_backward(how, gate.clone(), up.clone(), d_output.clone());
            let (d_gate_plain, d_up_plain) =
                device.gated_backward(how, gate.clone(), up.clone(), d_output.clone());
            assert_close("d_gate", d_gate, d_gate_plain);
            assert_close("d_up", d_up, d_up_plain);
        }
        for activation in ACTIVATIONS {
            let (found, _) = host.activated(activation, gate.clone());
            let (expected, _) = device.activated(activation, gate.clone());
            // Squares are as large as 36.
            assert_close("activation", found / 36.0, expected / 36.0);
            let gradient = |ops: &dyn Ops| ops.activated_backward(activation, gate.clone(), d_output.clone());
            assert_close("its gradient", gradient(&host), gradient(&device));
        }
    }

    #[test]
    fn sums(rows in 1usize..6, width in 1usize..40, seed: u64) {
        let ((host, device), shape) = (both(), [rows, width]);
        let (x, y) = (random(seed, shape), random(seed ^ 1, shape));
        for scale in [1.0, 0.25] {
            let expected = device.residual(x.clone(), y.clone(), scale).0;
            assert_close("residual", host.residual(x.clone(), y.clone(), scale).0, expected);
        }
        for cap in [None, Some(0.5)] {
            let form = LogitForm { scale: 2.0, cap };
            let (found, expected) = (host.logits(form, x.clone()), device.logits(form, x.clone()));
            let gradient = |ops: &dyn Ops, logits: &Tensor<2>| ops.logits_backward(form, logits.clone(), y.clone());
            assert_close("their gradient", gradient(&host, &found), gradient(&device, &expected));
            assert_close("logits", found, expected);
        }
        let (one, other, two) = (vector(seed, width), vector(seed ^ 1, width), vector(seed ^ 2, 2 * width));
        assert_close("sum", host.added(one.clone(), other.clone()), device.added(one.clone(), other));
        let vectors = || vec![one.clone(), two.clone()];
        prop_assert_eq!(host.joined(vectors()), device.joined(vectors()));
        let (found, expected) = (host.sums_of_squares(&[&one, &two]), device.sums_of_squares(&[&one, &two]));
        prop_assert_eq!((found.len(), expected.len()), (2, 2));
        for (found, expected) in found.into_iter().zip(expected) {
            prop_assert!((found - expected).abs() < 1e-4, "{} {}", found, expected);
        }
    }

    #[test]
    fn rotations(
        lengths in prop::collection::vec(1usize..9, 1..4), heads in 1usize..4, rest in 0usize..5, seed: u64,
    ) {
        let (host, device) = both();
        let tables = |ops: &dyn Ops| Tables::new(rows_of(&apart(&lengths), &[]).0, &ops.device());
        let (rows, on_device) = (tables(&host), tables(&device));
        let turned = DecoderSpec::from_json(&tiny_with("")).unwrap().ropes[0].width;
        let how = Rotary { rope: 0, head_width: turned + rest };
        let x = random(seed, [lengths.iter().sum(), heads * how.head_width]);
        assert_close("rotation", host.rotate(x.clone(), &rows, how), device.rotate(x.clone(), &on_device, how));
        let expected = device.rotate_backward(x.clone(), &on_device, how);
        assert_close("its inverse", host.rotate_backward(x.clone(), &rows, how), expected);
        let there_and_back = host.rotate_backward(host.rotate(x.clone(), &rows, how), &rows, how);
        assert_close("a rotation and its inverse", there_and_back, x);
    }
}
