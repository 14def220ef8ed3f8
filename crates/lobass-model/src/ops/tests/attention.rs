//! Attention of sequences apart, and of sequences that share beginnings.

use burn::tensor::DType;
use proptest::prelude::*;

use super::carried::CarriedOps;
use super::{apart, assert_close, random, vector, worst};
use crate::batch::{Packed, tests::rows_of};
use crate::ops::host::HostOps;
use crate::ops::{AttentionInputs, Heads, KeyPath, Ops, Tables};

/// The tables of all rows of packed sequences, and of some, with the masks of a differentiable pass.
fn tables(ops: &dyn Ops, packed: &Packed, asked: &[usize], heads: Heads) -> (Tables, Tables) {
    let (all, chosen) = rows_of(packed, asked);
    let (mut all, mut chosen) = (Tables::new(all, &ops.device()), Tables::new(chosen, &ops.device()));
    all.add_masks(heads.window, |spans| ops.masks(heads, spans, spans, true));
    chosen.add_masks(heads.window, |spans| ops.masks(heads, &all.spans, spans, true));
    (all, chosen)
}

fn device(is_fine: bool) -> CarriedOps {
    if is_fine { CarriedOps::finely_cut() } else { CarriedOps::new() }
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn attentions(
        lengths in prop::collection::vec(1usize..20, 1..4), (keys, groups, half) in (1usize..3, 1usize..4, 1usize..5),
        window in prop::option::of(1usize..12), form in forms(), is_fine: bool, seed: u64,
    ) {
        let (host, device) = (HostOps::default(), device(is_fine));
        let heads = Heads { window, ..form.of(Heads::new(keys * groups, keys, 2 * half)) };
        let (packed, path) = (apart(&lengths), &mut KeyPath::default());
        let inputs = inputs(heads, form.has_sinks, [lengths.iter().sum(), lengths.iter().sum()], seed);
        let (on_host, on_device) = (tables(&host, &packed, &[], heads).0, tables(&device, &packed, &[], heads).0);
        let (found, _) = host.attention(inputs.clone(), heads, &on_host, &on_host, path);
        let (expected, _) = device.attention(inputs.clone(), heads, &on_device, &on_device, path);
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
        window in prop::option::of(1usize..12), form in forms(), is_fine: bool, seed: u64,
    ) {
        let (host, device) = (HostOps::default(), device(is_fine));
        let heads = Heads { window, ..form.of(Heads::new(keys * groups, keys, 2 * half)) };
        let inputs = inputs(heads, form.has_sinks, [packed.n_rows(), asked.len()], seed);
        let context = |ops: &dyn Ops, dtype: DType| {
            let (all, chosen) = tables(ops, &packed, &asked, heads);
            let AttentionInputs { queries, keys, values, sinks } = inputs.clone();
            let [queries, keys, values] = [queries, keys, values].map(|x| x.cast(dtype));
            let inputs = AttentionInputs { queries, keys, values, sinks };
            ops.attention(inputs, heads, &all, &chosen, &mut KeyPath::default()).0.context
        };
        let expected = context(&device, DType::F32);
        assert_close("context", context(&host, DType::F32), expected.clone());
        for half in CarriedOps::halves() {
            let found = context(&device, half);
            prop_assert_eq!(found.dtype(), half);
            let worst = worst(found, expected.clone());
            let most = if half == DType::F16 { 0.03 } else { 0.2 };
            prop_assert!(worst < most, "{:?} differs by {}", half, worst);
        }
    }
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
pub(super) fn trees() -> impl Strategy<Value = (Packed, Vec<usize>)> {
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
