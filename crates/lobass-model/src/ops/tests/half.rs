//! Half precision between operations: results keep the format of what goes in, and are those of `f32` to its rounding.

use std::collections::BTreeSet;

use burn::tensor::{DType, Device, Tensor};
use proptest::prelude::*;

use super::carried::{CARD, CarriedOps};
use super::models::specs;
use super::{apart, random, values, vector, worst};
use crate::batch::{Packed, tests::rows_of};
use crate::ops::{
    Activation, DecayWeights, Dropout, DropoutMasks, Gate, NormForm, NormWeights, Ops, Rotary, StatePath,
    Tables,
};
use crate::testing::tiny_with;
use crate::{Decoder, DecoderSpec, LoraConfig, TraceOptions};

/// The largest relative error of rounding to a format.
fn rounding(dtype: DType) -> f32 {
    if dtype == DType::F16 { 2f32.powi(-11) } else { 2f32.powi(-8) }
}

/// Checks that a result has a format, and is another one rounded to it.
fn assert_rounded(what: &str, dtype: DType, found: &Tensor<2>, expected: &Tensor<2>) {
    assert_eq!(found.dtype(), dtype, "{what}");
    let size = expected.clone().abs().max().into_scalar::<f32>().max(1.0);
    let worst = worst(found.clone(), expected.clone());
    // The last bit of f32 may round another way.
    assert!(worst <= 1.01 * rounding(dtype) * size, "{what} in {dtype:?} differs by {worst}");
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn operations_on_rows_round_their_results_only(rows in 1usize..6, half in 1usize..9, seed: u64) {
        let (device, width) = (CarriedOps::new(), 2 * half);
        let tables = Tables::new(rows_of(&apart(&[rows]), &[]).0, &device.device());
        let turned = DecoderSpec::from_json(&tiny_with("")).unwrap().ropes[0].width;
        let how = Rotary { rope: 0, head_width: turned + 1 };
        let weights = NormWeights { weight: Some(vector(seed ^ 2, width)), bias: None };
        let dropout = Dropout::new(seed, 7, 0.5);
        let filters = random(seed ^ 3, [width, 1]);
        let mut shifted = Tables::new(rows_of(&apart(&[rows]), &[]).0, &device.device());
        shifted.add_shifts(1, |spans| device.shifts(1, spans, false));
        for dtype in CarriedOps::halves() {
            let rounded = |seed: u64, width: usize| random(seed, [rows, width]).cast(dtype);
            let (x, y, z) = (rounded(seed, width), rounded(seed ^ 1, width), rounded(seed ^ 4, how.head_width));
            let wide = |x: &Tensor<2>| x.clone().cast(DType::F32);
            let check = |what: &str, found: Tensor<2>, expected: Tensor<2>| assert_rounded(what, dtype, &found, &expected);
            let norm = |x: Tensor<2>| device.norm(NormForm::rms(1e-5), x, &weights).0;
            check("norm", norm(x.clone()), norm(wide(&x)));
            check("rotation", device.rotate(z.clone(), &tables, how), device.rotate(wide(&z), &tables, how));
            let gate = Gate::Of(Activation::Silu);
            let gated = |x: Tensor<2>, y: Tensor<2>| device.gated(gate, x, y).0;
            check("gate", gated(x.clone(), y.clone()), gated(wide(&x), wide(&y)));
            let activated = |x: Tensor<2>| device.activated(Activation::GeluTanh, x).0;
            check("activation", activated(x.clone()), activated(wide(&x)));
            let dropped = |x: Tensor<2>| device.drop_out(x, dropout, &DropoutMasks::default());
            check("dropout", dropped(x.clone()), dropped(wide(&x)));
            let convolved = |x: Tensor<2>| device.convolved(x, &filters, &shifted, &mut StatePath::default()).0;
            check("convolution", convolved(x.clone()), convolved(wide(&x)));
            // What is added up over layers, and what is the logarithm of a factor, stays f32.
            let stream = random(seed ^ 5, [rows, width]);
            let sum = |y: Tensor<2>| values(device.residual(stream.clone(), y, 0.5).0);
            prop_assert_eq!(sum(y.clone()), sum(wide(&y)));
            let decays = DecayWeights { log_rates: vector(seed ^ 6, width), biases: vector(seed ^ 7, width) };
            let decays = |x: Tensor<2>| values(device.log_decays(x, &decays).0);
            prop_assert_eq!(decays(x.clone()), decays(wide(&x)));
        }
    }

    #[test]
    fn products_have_the_format_that_their_factors_share(rows in 1usize..6, inputs in 1usize..20, seed: u64) {
        let device = CarriedOps::new();
        let (x, weight) = (random(seed, [rows, inputs]), random(seed ^ 1, [5, inputs]));
        for dtype in CarriedOps::halves() {
            let product = |x: &Tensor<2>, of: DType, weight: DType| {
                device.product(&device.pack(x.clone(), of), &random(seed ^ 1, [5, inputs]).cast(weight))
            };
            let expected = x.clone().cast(dtype).cast(DType::F32);
            let expected = expected.matmul(weight.clone().cast(dtype).cast(DType::F32).transpose());
            let found = product(&x, dtype, dtype);
            prop_assert_eq!(found.dtype(), dtype);
            // Some devices round while they add up.
            let most = 4.0 * rounding(dtype) * inputs as f32;
            prop_assert!(worst(found, expected) < most);
            for (of, weight) in [(dtype, DType::F32), (DType::F32, dtype), (DType::F32, DType::F32)] {
                prop_assert_eq!(product(&x, of, weight).dtype(), DType::F32);
            }
        }
    }
}

/// A model whose layers are in a format, on a device.
fn in_format(model: Decoder, dtype: DType) -> Decoder {
    let whole: Vec<_> = model.parameter_names().into_iter().filter(|(name, _)| is_head(name)).collect();
    let is_layer = |id| whole.iter().all(|(_, other)| *other != id);
    model.with_parameters(&mut |_, values| values.cast(dtype), &is_layer)
}

fn is_head(name: &str) -> bool {
    name.starts_with("lm_head")
}

fn packed() -> Packed {
    let ids = [1, 5, 9, 2, 7, 3, 8, 4];
    let mut packed = Packed::default();
    let first = packed.push(None, &ids);
    packed.push(Some(first), &ids[2..6]);
    packed.push(Some(first), &ids[1..3]);
    packed
}

/// Losses of some labels.
fn losses(model: &Decoder) -> Vec<f32> {
    let hidden = model.hidden_states_of(&packed(), &[2, 5, 6, 9, 11, 13]);
    assert_eq!(hidden.dtype(), DType::F32);
    crate::cross_entropy(model.logits(&hidden), &[3, 1, 4, 1, 5, 9])
}

#[test]
fn losses_in_half_precision_are_those_of_the_same_weights_in_f32() {
    // On a driver in software, the first two are a while of compiling.
    let n_specs = if cfg!(feature = "wgpu") { 2 } else { usize::MAX };
    let mut misses = Vec::new();
    for (at, mut spec) in specs().into_iter().take(n_specs).enumerate() {
        // Large weights, so that a wrong mask or rotation changes every loss.
        spec.initializer_range = 0.3;
        for dtype in CarriedOps::halves() {
            let of = |device: &Device| Decoder::random(&spec, 7, device);
            // Rounded, and widened again.
            let expected = losses(&in_format(in_format(of(&Device::flex()), dtype), DType::F32));
            assert!(expected.iter().any(|loss| (loss - 32f32.ln()).abs() > 0.5), "{expected:?}");
            let model = in_format(of(&CARD), dtype).on_tensors();
            assert_eq!(model.weight_dtype(), dtype);
            let found = losses(&model);
            assert_eq!(found, losses(&model), "twice the same");
            let differences: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).collect();
            let worst = differences.iter().copied().fold(0.0, f32::max);
            println!("model {at} in {dtype:?}: {worst}");
            assert!(worst > 0.0, "half precision rounds");
            if worst > 32.0 * rounding(dtype) {
                misses.push(format!("model {at} in {dtype:?}: {found:?}, expected {expected:?}"));
            }
        }
    }
    assert!(misses.is_empty(), "{misses:#?}");
}

/// The projections of a model, by the last part of their names. Queries and keys of linear attention are left out: they
/// have 3 values here, and are scaled to length one, so that rounding turns those that are short.
fn well_conditioned(model: &Decoder) -> Vec<String> {
    let names =
        model.projections().into_iter().filter_map(|(path, _)| Some(path.rsplit('.').next()?.to_owned()));
    let names: BTreeSet<String> =
        names.filter(|name| !["in_proj_q", "in_proj_k"].contains(&name.as_str())).collect();
    names.into_iter().collect()
}

/// The gradients of an adapter on frozen weights in half precision, beside those on the same weights in `f32`.
#[test]
fn gradients_over_half_precision_are_those_over_the_same_weights_in_f32() {
    // As above, one is enough of compiling.
    let n_specs = if cfg!(feature = "wgpu") { 1 } else { usize::MAX };
    for (at, mut spec) in specs().into_iter().take(n_specs).enumerate() {
        spec.initializer_range = 0.3;
        for dtype in CarriedOps::halves() {
            let gradients = |base: Decoder| {
                let target_modules = well_conditioned(&base);
                let lora = LoraConfig { rank: 3, dropout: 0.5, target_modules, ..LoraConfig::default() };
                let model = lora.attach(&base, 3).unwrap();
                let model = model.with_parameters(&mut |_, values| values + 0.02, &|id| {
                    base.parameter_names().iter().all(|(_, of_base)| *of_base != id)
                });
                let apart = Packed::new([[1, 5, 9, 2, 7, 3].as_slice(), &[5, 9, 2]]);
                let (hidden, trace) =
                    model.trace(&apart, TraceOptions { recompute: false, dropout_seed: Some(11) });
                let mut gradients = model.gradients();
                let (labels, seeds) = ([3, 1, 4, 1, 5, 9, 2, 6, 5], [0.5; 9]);
                let (_, d_hidden) = model.cross_entropy_backward(&hidden, &labels, &seeds, &mut gradients);
                model.backward(trace, d_hidden, &mut gradients);
                let parameters = model.trained_parameters();
                let of = |(_, id): (String, _)| values(gradients.get(id).unwrap().clone());
                parameters.into_iter().flat_map(of).collect::<Vec<f32>>()
            };
            let base = in_format(Decoder::random(&spec, 7, &CARD), dtype).on_tensors();
            let (found, expected) = (gradients(base.clone()), gradients(in_format(base, DType::F32)));
            let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
            let size = norm(&mut expected.iter().copied());
            let distance = norm(&mut found.iter().zip(&expected).map(|(a, b)| a - b)) / size;
            println!("gradients {at} in {dtype:?}: {distance}");
            assert!(
                distance > 0.0 && distance < 20.0 * rounding(dtype),
                "model {at} in {dtype:?}: {distance}"
            );
        }
    }
}
