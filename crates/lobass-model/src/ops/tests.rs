//! Kernels against tensor operations, through both passes.

use std::collections::BTreeSet;

use burn::tensor::{DType, Device, Tensor, TensorData};
use lobass_kernels::AdamW;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::device::DeviceOps;
use super::host::HostOps;
use super::{
    Activation, AttentionInputs, Dropout, DropoutMasks, Gate, Heads, KeyPath, LogitForm, NormForm, NormKind,
    NormWeights, Ops, Rotary, RouterScores, Routes, Routing, Tables,
};
use crate::batch::{Packed, tests::rows_of};
use crate::testing::tiny_with;
use crate::{
    Decoder, DecoderSpec, EmbeddingScale, ExpertsSpec, Gradients, LoraConfig, SharedExpertSpec, TraceOptions,
};

/// Activations are of order one, and both sides are f32.
const TOLERANCE: f32 = 2e-5;

const ACTIVATIONS: [Activation; 5] =
    [Activation::Sigmoid, Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::ReluSquared];

/// Both implementations, on the processor.
fn both() -> (HostOps, DeviceOps) {
    (HostOps, DeviceOps::new(&Device::flex()))
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn random(seed: u64, shape: [usize; 2]) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    tensor((0..shape[0] * shape[1]).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect(), shape)
}

fn vector(seed: u64, length: usize) -> Tensor<1> {
    random(seed, [1, length]).squeeze_dim(0)
}

fn worst<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    (found - expected).abs().max().into_scalar::<f32>()
}

fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let worst = worst(found, expected);
    assert!(worst < TOLERANCE, "{what} differs by {worst}");
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The tables of all rows of packed sequences, and of some, with the masks of a differentiable pass.
fn tables(ops: &dyn Ops, packed: &Packed, asked: &[usize], heads: Heads) -> (Tables, Tables) {
    let (all, chosen) = rows_of(packed, asked);
    let (mut all, mut chosen) = (Tables::new(all, &ops.device()), Tables::new(chosen, &ops.device()));
    all.add_masks(heads.window, |spans| ops.masks(heads, spans, spans, true));
    chosen.add_masks(heads.window, |spans| ops.masks(heads, &all.spans, spans, true));
    (all, chosen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
        let (one, other) = (vector(seed, width), vector(seed ^ 1, width));
        assert_close("sum", host.added(one.clone(), other.clone()), device.added(one.clone(), other));
        let (found, expected) = (host.sum_of_squares(&one), device.sum_of_squares(&one));
        prop_assert!((found - expected).abs() < 1e-4, "{} {}", found, expected);
    }

    #[test]
    fn rotations(
        lengths in prop::collection::vec(1usize..9, 1..4), heads in 1usize..4, rest in 0usize..5, seed: u64,
    ) {
        let (host, device) = both();
        let rows = Tables::new(rows_of(&apart(&lengths), &[]).0, &Device::flex());
        let turned = DecoderSpec::from_json(&tiny_with("")).unwrap().ropes[0].width;
        let how = Rotary { rope: 0, head_width: turned + rest };
        let x = random(seed, [lengths.iter().sum(), heads * how.head_width]);
        assert_close("rotation", host.rotate(x.clone(), &rows, how), device.rotate(x.clone(), &rows, how));
        let expected = device.rotate_backward(x.clone(), &rows, how);
        assert_close("its inverse", host.rotate_backward(x.clone(), &rows, how), expected);
        let there_and_back = host.rotate_backward(host.rotate(x.clone(), &rows, how), &rows, how);
        assert_close("a rotation and its inverse", there_and_back, x);
    }

    #[test]
    fn rows_of_experts(
        n in 1usize..9, rows in prop::collection::btree_set(0usize..9, 1..6), width in 1usize..20, seed: u64,
    ) {
        let (host, device) = both();
        let rows: Vec<usize> = rows.into_iter().map(|row| row % n).collect::<BTreeSet<_>>().into_iter().collect();
        let (x, y) = (random(seed, [n, width]), random(seed ^ 1, [rows.len(), width]));
        let weights = values(vector(seed ^ 2, rows.len()));
        assert_close("rows", host.select_rows(&x, &rows), device.select_rows(&x, &rows));
        let (found, same) = host.add_rows(x.clone(), &rows, &weights, y.clone());
        assert_close("sums", found, device.add_rows(x.clone(), &rows, &weights, y.clone()).0);
        assert_close("what is added", same, y.clone());
        let selected = host.select_rows(&x, &rows);
        for (found, expected) in host.row_dots(&selected, &y).iter().zip(device.row_dots(&selected, &y)) {
            prop_assert!((found - expected).abs() < TOLERANCE * width as f32);
        }
        prop_assert_eq!(host.values(x.clone()), device.values(x));
    }

    /// The results of experts are weighted and added row by row, whichever rows are beside.
    #[test]
    fn routes_are_those_of_single_rows(rows in 1usize..7, n_experts in 2usize..6, seed: u64) {
        let (host, device) = both();
        let logits = random(seed, [rows, n_experts]);
        let routing = Routing { scores: RouterScores::Softmax, chosen: 2, is_normalized: true, scale: 1.0 };
        let groups = |ops: &dyn Ops, logits: Tensor<2>| {
            let groups = Routes::new(routing, logits, ops).groups();
            groups.into_iter().map(|group| (group.expert, group.rows, group.weights)).collect::<Vec<_>>()
        };
        let all = groups(&host, logits.clone());
        prop_assert_eq!(&all, &groups(&device, logits.clone()));
        for row in 0..rows {
            let of_row: Vec<(usize, f32)> = all.iter().filter_map(|(expert, rows, weights)| {
                let at = rows.iter().position(|&other| other == row)?;
                Some((*expert, weights[at]))
            }).collect();
            let alone = groups(&host, logits.clone().narrow(0, row, 1));
            let alone: Vec<(usize, f32)> = alone.iter().map(|(expert, _, weights)| (*expert, weights[0])).collect();
            prop_assert_eq!(of_row, alone);
        }
    }

    #[test]
    fn products(rows in 1usize..6, inputs in 1usize..20, outputs in 1usize..20, seed: u64) {
        let (host, device) = both();
        let x = random(seed, [rows, inputs]);
        let weights = [random(seed ^ 1, [outputs, inputs]), random(seed ^ 2, [2 * outputs, inputs])];
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            let weights = weights.clone().map(|weight| weight.cast(dtype));
            for is_traced in [false, true] {
                let packed = |ops: &dyn Ops| ops.pack(x.clone(), ops.activation_dtype(dtype, is_traced));
                let (on_host, on_device) = (packed(&host), packed(&device));
                let found = host.products(&on_host, &weights);
                let expected = device.products(&on_device, &weights);
                // Products of half precision are rounded on devices, to 8 bits at least.
                let tolerance = if dtype == DType::F32 { TOLERANCE } else { 0.05 };
                for ((found, expected), weight) in found.into_iter().zip(expected).zip(&weights) {
                    prop_assert_eq!(values(host.product(&on_host, weight)), values(found.clone()));
                    let worst = worst(found, expected);
                    prop_assert!(worst < tolerance, "a product in {:?} differs by {}", dtype, worst);
                }
                let d_output = random(seed ^ 3, [rows, outputs]);
                let gradient = |ops: &dyn Ops| ops.product_backward(&d_output, weights[0].clone());
                assert_close("the gradient of a product", gradient(&host), gradient(&device));
            }
        }
    }

    #[test]
    fn dropouts(rows in 1usize..6, width in 1usize..40, share in 0.05f64..0.95, seed: u64) {
        let (host, device) = both();
        let (x, dropout) = (random(seed, [rows, width]), Dropout::new(seed, 7, share));
        let expected = values(host.drop_out(x.clone(), dropout, &DropoutMasks::default()));
        for masks in [DropoutMasks::new(true), DropoutMasks::default()] {
            for _ in ["forward", "backward"] {
                prop_assert_eq!(&values(device.drop_out(x.clone(), dropout, &masks)), &expected);
            }
        }
        let kept = expected.iter().filter(|&&value| value != 0.0).count() as f64;
        let n = (rows * width) as f64;
        let deviation = (share * (1.0 - share) / n).sqrt();
        prop_assert!((kept / n - (1.0 - share)).abs() < 5.0 * deviation + 1.0 / n, "{} of {}", kept, n);
    }

    #[test]
    fn losses(
        rows in prop::collection::vec((prop::collection::vec(-8f32..8.0, 7), 0u32..7, -2f32..2.0), 1..5),
    ) {
        let (host, device) = both();
        let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let seeds: Vec<f32> = rows.iter().map(|row| row.2).collect();
        let logits = tensor(rows.iter().flat_map(|row| row.0.clone()).collect(), [rows.len(), 7]);
        let (expected, expected_gradient) = device.cross_entropy_backward(logits.clone(), &labels, &seeds);
        let (found, gradient) = host.cross_entropy_backward(logits.clone(), &labels, &seeds);
        for (found, expected) in found.iter().zip(expected) {
            prop_assert!((found - expected).abs() < 1e-5);
        }
        let worst = worst(gradient, expected_gradient);
        prop_assert!(worst < 1e-6, "{}", worst);
    }

    #[test]
    fn steps_of_adamw(
        rows in prop::collection::vec((-2f32..2.0, -2f32..2.0, -1f32..1.0, 0f32..1.0), 1..20), n_steps in 1i32..50,
    ) {
        let (host, device) = both();
        let column = |value: fn(&(f32, f32, f32, f32)) -> f32| tensor(rows.iter().map(value).collect(), [rows.len()]);
        let step = AdamW {
            learning_rate: 0.01,
            beta_1: 0.9,
            beta_2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            correction_1: 1.0 - 0.9f32.powi(n_steps),
            correction_2_sqrt: (1.0 - 0.95f32.powi(n_steps)).sqrt(),
        };
        let stepped = |ops: &dyn Ops| {
            let means = [column(|row| row.2), column(|row| row.3)];
            let (weights, [means, squares]) = ops.adamw(step, column(|row| row.0), column(|row| row.1), means);
            [weights, means, squares]
        };
        for (found, expected) in stepped(&host).into_iter().zip(stepped(&device)) {
            let worst = worst(found, expected);
            prop_assert!(worst < 1e-5, "{}", worst);
        }
    }

    #[test]
    fn attentions(
        lengths in prop::collection::vec(1usize..20, 1..4), (keys, groups, half) in (1usize..3, 1usize..4, 1usize..5),
        window in prop::option::of(1usize..12), form in forms(), seed: u64,
    ) {
        let (host, device) = both();
        let heads = Heads { window, ..form.of(Heads::new(keys * groups, keys, 2 * half)) };
        let (packed, path) = (apart(&lengths), &mut KeyPath::default());
        let inputs = inputs(heads, form.has_sinks, [lengths.iter().sum(), lengths.iter().sum()], seed);
        let (on_host, on_device) = (tables(&host, &packed, &[], heads).0, tables(&device, &packed, &[], heads).0);
        let (found, _) = host.attention(inputs.clone(), heads, &on_host, &on_host, path, DType::F32);
        let (expected, _) = device.attention(inputs.clone(), heads, &on_device, &on_device, path, DType::F32);
        assert_close("context", found.context.clone(), expected.context.clone());
        let d_context = random(seed ^ 3, found.context.dims());
        let found = host.attention_backward(inputs.clone(), found, d_context.clone(), heads, &on_host);
        let expected = device.attention_backward(inputs, expected, d_context, heads, &on_device);
        assert_close("d_queries", found.queries, expected.queries);
        assert_close("d_keys", found.keys, expected.keys);
        assert_close("d_values", found.values, expected.values);
        assert_eq!((found.sinks.is_some(), expected.sinks.is_some()), (form.has_sinks, form.has_sinks));
        found.sinks.zip(expected.sinks).into_iter().for_each(|(d, plain)| assert_close("d_sinks", d, plain));
    }

    #[test]
    fn attentions_of_shared_beginnings(
        (packed, asked) in trees(), keys in 1usize..3, groups in 1usize..4, half in 1usize..5,
        window in prop::option::of(1usize..12), form in forms(), seed: u64,
    ) {
        let (host, device) = both();
        let heads = Heads { window, ..form.of(Heads::new(keys * groups, keys, 2 * half)) };
        let inputs = inputs(heads, form.has_sinks, [packed.n_rows(), asked.len()], seed);
        let context = |ops: &dyn Ops, dtype: DType| {
            let (all, chosen) = tables(ops, &packed, &asked, heads);
            ops.attention(inputs.clone(), heads, &all, &chosen, &mut KeyPath::default(), dtype).0.context
        };
        let expected = context(&device, DType::F32);
        assert_close("context", context(&host, DType::F32), expected.clone());
        let worst = worst(context(&device, DType::BF16), expected);
        prop_assert!(worst < 0.2, "bf16 differs by {}", worst);
    }
}

/// Whole models, of which only the operations differ: one with norms of heads and windows, each trained whole and with
/// an adapter.
#[test]
fn a_model_has_the_same_hidden_states_and_gradients_either_way() {
    let windows =
        r#", "head_dim": 4, "use_sliding_window": true, "sliding_window": 3, "max_window_layers": 1"#;
    let qwen = tiny_with(windows).replace(r#""llama""#, r#""qwen3""#);
    let [llama, qwen] = [tiny_with(""), qwen].map(|json| DecoderSpec::from_json(&json).unwrap());
    let mut scaled = llama.clone();
    scaled.embedding_scale = EmbeddingScale { factor: 3.0, is_rounded: true };
    scaled.logits = LogitForm { scale: 0.5, cap: Some(0.7) };
    scaled.layers.iter_mut().for_each(|layer| layer.residual_scale = 0.3);
    let mut experts = llama.clone();
    experts.layers[1].experts = Some(ExpertsSpec {
        count: 4,
        width: 6,
        routing: Routing { scores: RouterScores::Softmax, chosen: 2, is_normalized: true, scale: 1.5 },
        router_bias: true,
        shared: Some(SharedExpertSpec { width: 5, is_gated: true }),
    });
    for spec in [llama, qwen, scaled, experts] {
        let base = Decoder::random(&spec, 7, &Device::flex());
        let lora = LoraConfig { rank: 3, dropout: 0.5, ..LoraConfig::default() };
        // A new adapter's second factor is zero, and so are the gradients of its first one.
        let adapted =
            lora.attach(&base, 3).unwrap().with_parameters(&mut |_, values| values + 0.02, &|_| true);
        for model in [base, adapted] {
            assert_same_passes(&model, &model.clone().on_tensors());
        }
    }
}

fn assert_same_passes(model: &Decoder, on_tensors: &Decoder) {
    let ids = [1, 5, 9, 2, 7, 3];
    let mut packed = Packed::default();
    let first = packed.push(None, &ids);
    packed.push(Some(first), &ids[2..4]);
    packed.push(Some(first), &ids[1..3]);
    let hidden = |model: &Decoder| model.hidden_states_of(&packed, &[2, 5, 6, 9]);
    assert_close("hidden states", hidden(model), hidden(on_tensors));

    let apart = Packed::new([&ids[..], &ids[1..4]]);
    for recompute in [false, true] {
        let gradients = |model: &Decoder| {
            let (hidden, trace) = model.trace(&apart, TraceOptions { recompute, dropout_seed: Some(11) });
            let mut gradients = model.gradients();
            let (labels, seeds) = ([3, 1, 4, 1, 5, 9, 2, 6, 5], [0.5; 9]);
            let (_, d_hidden) = model.cross_entropy_backward(hidden, &labels, &seeds, &mut gradients);
            model.backward(trace, d_hidden, &mut gradients);
            gradients
        };
        let (found, expected) = (gradients(model), gradients(on_tensors));
        let norm = expected.norm();
        assert!((found.norm() - norm).abs() < 1e-4 * norm, "{} {norm}", found.norm());
        for (name, id) in model.trained_parameters() {
            // An expert that no row was sent to has none.
            let gradient = |of: &Gradients| of.get(id).map(|gradient| gradient.clone() / norm);
            let (found, expected) = (gradient(&found), gradient(&expected));
            assert_eq!(found.is_some(), expected.is_some(), "{name}");
            assert!(found.is_some() || name.contains(".experts."), "{name} has no gradient");
            found
                .zip(expected)
                .into_iter()
                .for_each(|(found, expected)| assert_close(&name, found, expected));
        }
    }
}

/// Sequences that share nothing.
fn apart(lengths: &[usize]) -> Packed {
    let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
    Packed::new(ids.iter().map(Vec::as_slice))
}

fn inputs(heads: Heads, has_sinks: bool, [rows, asked]: [usize; 2], seed: u64) -> AttentionInputs {
    AttentionInputs {
        queries: random(seed, [asked, heads.queries * heads.width]) * 3.0,
        keys: random(seed ^ 1, [rows, heads.keys * heads.width]) * 3.0,
        values: random(seed ^ 2, [rows, heads.keys * heads.value_width]),
        sinks: has_sinks.then(|| vector(seed ^ 3, heads.queries)),
    }
}

/// What is unusual about heads.
#[derive(Debug, Clone, Copy)]
struct Form {
    value_width: Option<usize>,
    scale: Option<f32>,
    cap: Option<f32>,
    has_sinks: bool,
}

impl Form {
    fn of(self, heads: Heads) -> Heads {
        let Self { value_width, scale, cap, .. } = self;
        Heads {
            value_width: value_width.unwrap_or(heads.width),
            scale: scale.unwrap_or(heads.scale),
            cap,
            ..heads
        }
    }
}

fn forms() -> impl Strategy<Value = Form> {
    let (value_width, scale) = (prop::option::of(1usize..9), prop::option::of(0.1f32..0.6));
    (value_width, scale, prop::option::of(1f32..4.0), any::<bool>())
        .prop_map(|(value_width, scale, cap, has_sinks)| Form { value_width, scale, cap, has_sinks })
}

/// Sequences that share beginnings, and at least one of their rows.
fn trees() -> impl Strategy<Value = (Packed, Vec<usize>)> {
    let run = (1usize..9, 0usize..4);
    let trees = (prop::collection::vec(run, 1..9), any::<u64>());
    trees.prop_map(|(runs, choice)| {
        let (mut packed, mut open) = (Packed::default(), Vec::new());
        for (length, left) in runs {
            open.truncate(open.len().saturating_sub(left));
            open.push(packed.push(open.last().copied(), &vec![0; length]));
        }
        let rows = (0..packed.n_rows()).filter(|row| row % 64 == 0 || choice >> (row % 64) & 1 == 1);
        let asked = rows.collect();
        (packed, asked)
    })
}
