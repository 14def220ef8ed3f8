//! Kernels against the plain operations, through both passes.

use burn::tensor::{DType, Device, Tensor};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{AttentionInputs, Heads, KeyPath, host, padded, plain};
use crate::LlamaConfig;
use crate::host::tensor;
use crate::model::Packed;
use crate::model::tests::rows_of;
use crate::testing::tiny_with;

/// Activations are of order one, and both sides are f32.
const TOLERANCE: f32 = 2e-5;

fn random(seed: u64, shape: [usize; 2]) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values = (0..shape[0] * shape[1]).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect();
    tensor(values, shape, &Device::flex())
}

fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let worst = (found - expected).abs().max().into_scalar::<f32>();
    assert!(worst < TOLERANCE, "{what} differs by {worst}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn norms(rows in 1usize..6, width in 1usize..40, seed: u64) {
        let (x, dy) = (random(seed, [rows, width]), random(seed ^ 1, [rows, width]));
        let weight: Tensor<1> = random(seed ^ 2, [1, width]).squeeze_dim(0);
        let (found, same) = host::rms_norm(x.clone(), weight.clone(), 1e-5);
        assert_close("norm", found, plain::rms_norm(x.clone(), weight.clone(), 1e-5).0);
        assert_close("input", same, x.clone());
        let (dx, dw) = host::rms_norm_backward(x.clone(), weight.clone(), 1e-5, dy.clone(), true);
        let (dx_plain, dw_plain) = plain::rms_norm_backward(x, weight, 1e-5, dy, true);
        // With few values a norm may be small, and its gradient large.
        let scale = dx_plain.clone().abs().max().into_scalar::<f32>().max(1.0);
        assert_close("dx", dx / scale, dx_plain / scale);
        assert_close("dw", dw.unwrap(), dw_plain.unwrap());
    }

    #[test]
    fn gates(rows in 1usize..6, width in 1usize..40, seed: u64) {
        let shape = [rows, width];
        let (gate, up) = (random(seed, shape) * 6.0, random(seed ^ 1, shape));
        let (found, ..) = host::swiglu(gate.clone(), up.clone());
        assert_close("swiglu", found, plain::swiglu(gate.clone(), up.clone()).0);
        let d_output = random(seed ^ 2, shape);
        let (d_gate, d_up) = host::swiglu_backward(gate.clone(), up.clone(), d_output.clone());
        let (d_gate_plain, d_up_plain) = plain::swiglu_backward(gate, up, d_output);
        assert_close("d_gate", d_gate, d_gate_plain);
        assert_close("d_up", d_up, d_up_plain);
    }

    #[test]
    fn rotations(lengths in prop::collection::vec(1usize..9, 1..4), heads in 1usize..4, seed: u64) {
        let config = LlamaConfig::from_json(&tiny_with("")).unwrap();
        let rope = rows_of(&apart(&lengths), &[]).0.rope;
        let x = random(seed, [lengths.iter().sum(), heads * config.head_dim]);
        for backward in [false, true] {
            let expected = plain::rotate(x.clone(), &rope, backward);
            assert_close("rotation", host::rotate(x.clone(), &rope, backward), expected);
        }
        let there_and_back = host::rotate(host::rotate(x.clone(), &rope, false), &rope, true);
        assert_close("a rotation and its inverse", there_and_back, x);
    }

    #[test]
    fn products(rows in 1usize..6, inputs in 1usize..20, outputs in 1usize..20, seed: u64) {
        let (x, weight) = (random(seed, [rows, inputs]), random(seed ^ 1, [outputs, inputs]));
        assert_close("product", host::project(&x, &weight, false), plain::project(&x, &weight));
        let half = weight.cast(DType::BF16);
        // The results of the plain operation are rounded too, to 8 bits.
        let (found, expected) = (host::project(&x, &half, true), plain::project(&x, &half));
        let worst = (found - expected).abs().max().into_scalar::<f32>();
        prop_assert!(worst < 0.05, "product in bf16 differs by {}", worst);
    }

    #[test]
    fn attentions(
        lengths in prop::collection::vec(1usize..20, 1..4), (keys, groups, half) in (1usize..3, 1usize..4, 1usize..5),
        window in prop::option::of(1usize..12), seed: u64,
    ) {
        let heads = Heads { queries: keys * groups, keys, width: 2 * half, window };
        let (all, _) = rows_of(&apart(&lengths), &[]);
        let inputs = inputs(heads, lengths.iter().sum(), lengths.iter().sum(), seed);
        let (found, _) = host::attention(inputs.clone(), heads, &all, &all, &mut KeyPath::default());
        let expected = padded::attention(&inputs, heads, &all, &all, DType::F32);
        assert_close("context", found.context.clone(), expected.context.clone());
        let d_context = random(seed ^ 3, found.context.dims());
        let found = host::attention_backward(inputs.clone(), found, d_context.clone(), heads, &all);
        let expected = plain::attention_backward(inputs, expected, d_context, heads, &all);
        assert_close("d_queries", found.queries, expected.queries);
        assert_close("d_keys", found.keys, expected.keys);
        assert_close("d_values", found.values, expected.values);
    }

    #[test]
    fn attentions_of_shared_beginnings(
        (packed, asked) in trees(), keys in 1usize..3, groups in 1usize..4, half in 1usize..5,
        window in prop::option::of(1usize..12), seed: u64,
    ) {
        let heads = Heads { queries: keys * groups, keys, width: 2 * half, window };
        let (all, chosen) = rows_of(&packed, &asked);
        let inputs = inputs(heads, packed.n_rows(), asked.len(), seed);
        let (found, _) = host::attention(inputs.clone(), heads, &all, &chosen, &mut KeyPath::default());
        let expected = padded::attention(&inputs, heads, &all, &chosen, DType::F32);
        assert_close("context", found.context, expected.context.clone());
        let half = padded::attention(&inputs, heads, &all, &chosen, DType::BF16);
        let worst = (half.context - expected.context).abs().max().into_scalar::<f32>();
        prop_assert!(worst < 0.2, "bf16 differs by {}", worst);
    }
}

/// Sequences that share nothing.
fn apart(lengths: &[usize]) -> Packed {
    let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
    Packed::new(ids.iter().map(Vec::as_slice))
}

fn inputs(heads: Heads, rows: usize, asked: usize, seed: u64) -> AttentionInputs {
    let (q_width, k_width) = (heads.queries * heads.width, heads.keys * heads.width);
    AttentionInputs {
        queries: random(seed, [asked, q_width]) * 3.0,
        keys: random(seed ^ 1, [rows, k_width]) * 3.0,
        values: random(seed ^ 2, [rows, k_width]),
    }
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
