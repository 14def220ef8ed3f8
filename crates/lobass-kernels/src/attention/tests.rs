//! Attention against its plain version, the plain gradient against differences, and edge cases.

use proptest::prelude::*;

use super::*;
use crate::check::{assert_close, assert_gradient, values, weighted, wide};
use crate::plain;

/// Everything that a layer reads and writes.
struct Layer {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    sinks: Option<Vec<f32>>,
    out: Vec<f32>,
    log_sums: Vec<f32>,
    gradients: [Vec<f32>; 3],
    d_sinks: Vec<f32>,
}

/// Runs both directions; the gradient of the result is `d_out`.
fn run(heads: Heads, [q, k, v]: [Vec<f32>; 3], sinks: Option<Vec<f32>>, d_out: &[f32]) -> Layer {
    // Full of garbage: everything is to be written.
    let mut out = vec![f32::NAN; q.len() / heads.width * heads.value_width];
    let mut log_sums = vec![f32::NAN; q.len() / heads.width];
    causal_attention(heads, &q, &k, &v, sinks.as_deref(), &mut out, &mut log_sums);
    let mut gradients = [vec![f32::NAN; q.len()], vec![f32::NAN; k.len()], vec![f32::NAN; v.len()]];
    let [dq, dk, dv] = &mut gradients;
    let mut d_sinks = vec![1.0; heads.queries];
    causal_attention_backward(
        heads,
        &q,
        &k,
        &v,
        sinks.as_deref(),
        &out,
        &log_sums,
        d_out,
        dq,
        dk,
        dv,
        Some(&mut d_sinks),
    );
    Layer { q, k, v, sinks, out, log_sums, gradients, d_sinks }
}

fn random(heads: Heads, has_sinks: bool, positions: usize, seed: u64) -> (Layer, Vec<f32>) {
    let inputs = [
        values(seed, heads.of_queries().len(positions)),
        values(seed ^ 1, heads.of_keys().len(positions)),
        values(seed ^ 2, heads.of_values().len(positions)),
    ];
    let d_out = values(seed ^ 3, heads.of_results().len(positions));
    (run(heads, inputs, has_sinks.then(|| values(seed ^ 4, heads.queries)), &d_out), d_out)
}

fn heads(keys: usize, group: usize, width: usize, window: Option<usize>) -> Heads {
    Heads { window, ..Heads::new(keys * group, keys, width) }
}

/// Widths of values, caps, and whether there are sinks.
fn forms() -> impl Strategy<Value = (Option<usize>, Option<f32>, bool)> {
    (prop::option::of(1usize..20), prop::option::of(0.5f32..5.0), any::<bool>())
}

/// Heads of such a form.
fn formed(heads: Heads, (value_width, cap, _): (Option<usize>, Option<f32>, bool)) -> Heads {
    Heads { value_width: value_width.unwrap_or(heads.width), cap, ..heads }
}

fn assert_is_plain(heads: Heads, has_sinks: bool, positions: usize, seed: u64) {
    let (layer, d_out) = random(heads, has_sinks, positions, seed);
    let (q, k, v) = (wide(&layer.q), wide(&layer.k), wide(&layer.v));
    let sinks = layer.sinks.as_deref().map(wide);
    let (mut out, mut log_sums) = (vec![0.0; d_out.len()], vec![0.0; layer.log_sums.len()]);
    plain::causal_attention(heads, &q, &k, &v, sinks.as_deref(), &mut out, &mut log_sums);
    assert_close(&layer.out, &out, 1e-5);
    assert_close(&layer.log_sums, &log_sums, 2e-6);
    let [mut dq, mut dk, mut dv] = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
    let (d_out, mut d_sinks) = (wide(&d_out), vec![1.0; heads.queries]);
    plain::causal_attention_backward(
        heads,
        &q,
        &k,
        &v,
        sinks.as_deref(),
        &out,
        &log_sums,
        &d_out,
        &mut dq,
        &mut dk,
        &mut dv,
        Some(&mut d_sinks),
    );
    assert_close(&layer.d_sinks, &d_sinks, 3e-5);
    assert_close(&layer.gradients[0], &dq, 3e-5);
    assert_close(&layer.gradients[1], &dk, 3e-5);
    assert_close(&layer.gradients[2], &dv, 3e-5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn is_the_plain_one(
        positions in 0usize..150, (keys, group, width) in (1usize..4, 1usize..4, 1usize..20),
        window in prop::option::of(1usize..160), form in forms(), seed: u64,
    ) {
        assert_is_plain(formed(heads(keys, group, width, window), form), form.2, positions, seed);
    }

    #[test]
    fn is_the_plain_one_where_it_is_short(
        positions in 1usize..9, window in prop::option::of(1usize..9), form in forms(), seed: u64,
    ) {
        assert_is_plain(formed(heads(2, 3, 16, window), form), form.2, positions, seed);
    }

    #[test]
    fn what_comes_later_changes_no_bit(
        positions in 2usize..100, window in prop::option::of(1usize..120), form in forms(), seed: u64,
    ) {
        let heads = formed(heads(1, 2, 8, window), form);
        let (before, d_out) = random(heads, form.2, positions, seed);
        let (mut k, mut v) = (before.k.clone(), before.v.clone());
        k[heads.of_keys().len(positions - 1)..].fill(7.0);
        v[heads.of_values().len(positions - 1)..].fill(-7.0);
        let after = run(heads, [before.q.clone(), k, v], before.sinks.clone(), &d_out);
        let earlier = heads.of_results().len(positions - 1);
        prop_assert_eq!(&before.out[..earlier], &after.out[..earlier]);
    }
}

/// The last queries alone, given all keys and values.
fn last(layer: &Layer, heads: Heads, positions: Range<usize>) -> (Vec<f32>, Vec<f32>) {
    let (queries, results) = (heads.of_queries(), heads.of_results());
    let mut out = vec![f32::NAN; results.len(positions.len())];
    let mut log_sums = vec![f32::NAN; positions.len() * heads.queries];
    let q = &layer.q[queries.len(positions.start)..queries.len(positions.end)];
    let k = &layer.k[..heads.of_keys().len(positions.end)];
    let v = &layer.v[..heads.of_values().len(positions.end)];
    causal_attention(heads, q, k, v, layer.sinks.as_deref(), &mut out, &mut log_sums);
    (out, log_sums)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn where_keys_lie_changes_no_bit(
        queries in 1usize..5, keys in 1usize..700, heads in 1usize..4, width in prop::sample::select(vec![4, 6, 16, 64]),
        seed: u64,
    ) {
        // Keys of the last of several heads, where they lie, and copied into one piece.
        let (q, all) = (values(seed, queries * width), values(seed ^ 1, keys * heads * width));
        let last = View::new(&all[(heads - 1) * width..], keys, width, heads * width);
        let (rows, columns) = (queries.max(256 / keys.max(2) + 1).max(2), keys.max(2));
        let (q, copied) = (View::new(&q, queries, width, width).padded(rows), last.padded(columns));
        let product = |k: View<'_>| {
            let mut scores = vec![f32::NAN; rows * columns];
            let to = ViewMut::new(&mut scores, rows, columns, columns);
            crate::matmul::matmul(to, View::new(&q, rows, width, width), k.transposed(), false, 0.3);
            scores.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        if keys > 1 {
            prop_assert_eq!(product(last), product(View::new(&copied, columns, width, width)));
        }
    }

    #[test]
    fn a_part_is_to_the_bit_what_it_is_in_the_whole(
        (positions, from, to) in (1usize..700, any::<prop::sample::Index>(), any::<prop::sample::Index>()), (keys, group) in (1usize..3, 1usize..3),
        width in 2usize..20, window in prop::option::of(1usize..600), form in forms(), seed: u64,
    ) {
        let heads = formed(heads(keys, group, width, window), form);
        let (layer, _) = random(heads, form.2, positions, seed);
        let end = to.index(positions) + 1;
        let asked = from.index(end)..end;
        let (out, log_sums) = last(&layer, heads, asked.clone());
        let per_query = heads.queries * heads.value_width;
        let expected = &layer.out[asked.start * per_query..asked.end * per_query];
        prop_assert_eq!(&out, expected);
        for (head, sums) in log_sums.chunks(asked.len()).enumerate() {
            prop_assert_eq!(sums, &layer.log_sums[head * positions..][asked.clone()]);
        }
    }
}

#[test]
fn single_queries_are_to_the_bit_what_they_are_in_the_whole() {
    let heads = heads(1, 3, 64, None);
    let (layer, _) = random(heads, false, 1030, 11);
    for position in (0..70).chain(500..520).chain(1020..1030) {
        let (out, _) = last(&layer, heads, position..position + 1);
        let per_query = heads.queries * heads.width;
        assert_eq!(out, layer.out[position * per_query..(position + 1) * per_query], "at {position}");
    }
}

#[test]
#[should_panic(expected = "2 queries at 1 positions")]
fn every_query_has_a_key() {
    causal_attention(
        heads(1, 1, 4, None),
        &[0.0; 8],
        &[0.0; 4],
        &[0.0; 4],
        None,
        &mut [0.0; 8],
        &mut [0.0; 2],
    );
}

#[test]
fn is_the_plain_one_at_the_edges_of_blocks() {
    for positions in [63, 64, 65, 127, 128, 129, 200] {
        for window in [None, Some(1), Some(63), Some(64), Some(65), Some(positions)] {
            assert_is_plain(heads(1, 3, 8, window), false, positions, 9);
        }
    }
}

#[test]
fn repeats_to_the_bit() {
    let heads = heads(3, 3, 64, None);
    let ((one, _), (other, _)) = (random(heads, false, 130, 5), random(heads, false, 130, 5));
    assert_eq!((one.out, one.log_sums, one.gradients), (other.out, other.log_sums, other.gradients));
}

#[test]
fn scores_far_apart_are_no_trouble() {
    let heads = Heads { scale: 1e4, ..heads(1, 1, 4, None) };
    let (layer, _) = random(heads, false, 70, 1);
    assert!(
        layer
            .out
            .iter()
            .chain(&layer.log_sums)
            .chain(layer.gradients.iter().flatten())
            .all(|x| x.is_finite())
    );
}

#[test]
fn what_is_not_a_number_stays_none() {
    let heads = heads(1, 1, 4, None);
    let mut q = values(1, 40);
    q[20] = f32::NAN;
    q[24] = f32::INFINITY;
    let layer = run(heads, [q, values(2, 40), values(3, 40)], None, &values(4, 40));
    for position in 0..10 {
        let broken = position == 5 || position == 6;
        assert_eq!(layer.out[position * 4].is_nan(), broken, "{position}");
    }
}

#[test]
fn plain_gradients_are_the_slopes() {
    for (window, value_width, cap) in [(None, 3, None), (Some(2), 5, None), (Some(3), 2, Some(1.5))] {
        let heads = Heads { value_width, cap, ..heads(2, 2, 3, window) };
        let [q, k, v] = [heads.of_queries(), heads.of_keys(), heads.of_values()]
            .map(|rows| wide(&values(rows.heads as u64, rows.len(5))));
        let (d_out, sinks) = (wide(&values(4, heads.of_results().len(5))), wide(&values(5, 4)));
        let forward = |q: &[f64], k: &[f64], v: &[f64], sinks: &[f64]| {
            let (mut out, mut log_sums) = (vec![0.0; d_out.len()], vec![0.0; 20]);
            plain::causal_attention(heads, q, k, v, Some(sinks), &mut out, &mut log_sums);
            (out, log_sums)
        };
        let (out, log_sums) = forward(&q, &k, &v, &sinks);
        let [mut dq, mut dk, mut dv] = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
        let mut d_sinks = vec![0.0; 4];
        plain::causal_attention_backward(
            heads,
            &q,
            &k,
            &v,
            Some(&sinks),
            &out,
            &log_sums,
            &d_out,
            &mut dq,
            &mut dk,
            &mut dv,
            Some(&mut d_sinks),
        );
        assert_gradient(|q| weighted(&forward(q, &k, &v, &sinks).0, &d_out), &q, &dq);
        assert_gradient(|k| weighted(&forward(&q, k, &v, &sinks).0, &d_out), &k, &dk);
        assert_gradient(|v| weighted(&forward(&q, &k, v, &sinks).0, &d_out), &v, &dv);
        assert_gradient(|sinks| weighted(&forward(&q, &k, &v, sinks).0, &d_out), &sinks, &d_sinks);
    }
}

#[test]
fn a_sink_takes_its_share() {
    // Two equal scores and a sink like them: a third each.
    let heads = Heads { scale: 1.0, ..heads(1, 1, 1, None) };
    let (mut out, mut log_sums) = ([0.0; 2], [0.0; 2]);
    causal_attention(heads, &[0.0; 2], &[0.0; 2], &[3.0, 6.0], Some(&[0.0]), &mut out, &mut log_sums);
    assert_eq!((out[0], log_sums[0]), (1.5, 2f32.ln()));
    assert!((out[1] - 3.0).abs() < 1e-6 && (log_sums[1] - 3f32.ln()).abs() < 1e-6, "{out:?} {log_sums:?}");
}

#[test]
#[should_panic(expected = "do not group")]
fn heads_have_to_group() {
    causal_attention(Heads { queries: 3, ..heads(2, 1, 4, None) }, &[], &[], &[], None, &mut [], &mut []);
}

#[test]
#[should_panic(expected = "values of q, k, v")]
fn lengths_have_to_fit() {
    causal_attention(
        heads(1, 1, 4, None),
        &[0.0; 8],
        &[0.0; 8],
        &[0.0; 7],
        None,
        &mut [0.0; 8],
        &mut [0.0; 2],
    );
}
