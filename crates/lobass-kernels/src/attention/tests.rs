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
    out: Vec<f32>,
    log_sums: Vec<f32>,
    gradients: [Vec<f32>; 3],
}

/// Runs both directions; the gradient of the result is `d_out`.
fn run(heads: Heads, q: Vec<f32>, k: Vec<f32>, v: Vec<f32>, d_out: &[f32]) -> Layer {
    // Full of garbage: everything is to be written.
    let mut out = vec![f32::NAN; q.len()];
    let mut log_sums = vec![f32::NAN; q.len() / heads.width];
    causal_attention(heads, &q, &k, &v, &mut out, &mut log_sums);
    let mut gradients = [vec![f32::NAN; q.len()], vec![f32::NAN; k.len()], vec![f32::NAN; v.len()]];
    let [dq, dk, dv] = &mut gradients;
    causal_attention_backward(heads, &q, &k, &v, &out, &log_sums, d_out, dq, dk, dv);
    Layer { q, k, v, out, log_sums, gradients }
}

fn random(heads: Heads, positions: usize, seed: u64) -> (Layer, Vec<f32>) {
    let (queries, keys) = (positions * heads.queries * heads.width, positions * heads.keys * heads.width);
    let d_out = values(seed ^ 3, queries);
    let layer = run(heads, values(seed, queries), values(seed ^ 1, keys), values(seed ^ 2, keys), &d_out);
    (layer, d_out)
}

fn heads(keys: usize, group: usize, width: usize, window: Option<usize>) -> Heads {
    Heads { queries: keys * group, keys, width, window, scale: 1.0 / (width as f32).sqrt() }
}

fn assert_is_plain(heads: Heads, positions: usize, seed: u64) {
    let (layer, d_out) = random(heads, positions, seed);
    let (q, k, v) = (wide(&layer.q), wide(&layer.k), wide(&layer.v));
    let (mut out, mut log_sums) = (vec![0.0; q.len()], vec![0.0; layer.log_sums.len()]);
    plain::causal_attention(heads, &q, &k, &v, &mut out, &mut log_sums);
    assert_close(&layer.out, &out, 1e-5);
    assert_close(&layer.log_sums, &log_sums, 2e-6);
    let [mut dq, mut dk, mut dv] = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
    let d_out = wide(&d_out);
    plain::causal_attention_backward(heads, &q, &k, &v, &out, &log_sums, &d_out, &mut dq, &mut dk, &mut dv);
    assert_close(&layer.gradients[0], &dq, 3e-5);
    assert_close(&layer.gradients[1], &dk, 3e-5);
    assert_close(&layer.gradients[2], &dv, 3e-5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn is_the_plain_one(
        positions in 0usize..150, (keys, group, width) in (1usize..4, 1usize..4, 1usize..20),
        window in prop::option::of(1usize..160), seed: u64,
    ) {
        assert_is_plain(heads(keys, group, width, window), positions, seed);
    }

    #[test]
    fn is_the_plain_one_where_it_is_short(positions in 1usize..9, window in prop::option::of(1usize..9), seed: u64) {
        assert_is_plain(heads(2, 3, 16, window), positions, seed);
    }

    #[test]
    fn what_comes_later_changes_no_bit(positions in 2usize..100, window in prop::option::of(1usize..120), seed: u64) {
        let heads = heads(1, 2, 8, window);
        let (before, _) = random(heads, positions, seed);
        let (mut k, mut v) = (before.k.clone(), before.v.clone());
        let last = (positions - 1) * heads.width;
        k[last..].fill(7.0);
        v[last..].fill(-7.0);
        let after = run(heads, before.q.clone(), k, v, &values(seed, before.q.len()));
        let earlier = (positions - 1) * heads.queries * heads.width;
        prop_assert_eq!(&before.out[..earlier], &after.out[..earlier]);
    }
}

/// The last queries alone, given all keys and values.
fn last(layer: &Layer, heads: Heads, positions: Range<usize>) -> (Vec<f32>, Vec<f32>) {
    let per_query = heads.queries * heads.width;
    let (mut out, mut log_sums) =
        (vec![f32::NAN; positions.len() * per_query], vec![f32::NAN; positions.len() * heads.queries]);
    let q = &layer.q[positions.start * per_query..positions.end * per_query];
    let keys = ..positions.end * heads.keys * heads.width;
    causal_attention(heads, q, &layer.k[keys], &layer.v[keys], &mut out, &mut log_sums);
    (out, log_sums)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_part_is_to_the_bit_what_it_is_in_the_whole(
        (positions, from, to) in (1usize..700, any::<prop::sample::Index>(), any::<prop::sample::Index>()), (keys, group) in (1usize..3, 1usize..3),
        width in 2usize..20, window in prop::option::of(1usize..600), seed: u64,
    ) {
        let heads = heads(keys, group, width, window);
        let (layer, _) = random(heads, positions, seed);
        let end = to.index(positions) + 1;
        let asked = from.index(end)..end;
        let (out, log_sums) = last(&layer, heads, asked.clone());
        let per_query = heads.queries * heads.width;
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
    let (layer, _) = random(heads, 1030, 11);
    for position in (0..70).chain(500..520).chain(1020..1030) {
        let (out, _) = last(&layer, heads, position..position + 1);
        let per_query = heads.queries * heads.width;
        assert_eq!(out, layer.out[position * per_query..(position + 1) * per_query], "at {position}");
    }
}

#[test]
#[should_panic(expected = "2 queries at 1 positions")]
fn every_query_has_a_key() {
    causal_attention(heads(1, 1, 4, None), &[0.0; 8], &[0.0; 4], &[0.0; 4], &mut [0.0; 8], &mut [0.0; 2]);
}

#[test]
fn is_the_plain_one_at_the_edges_of_blocks() {
    for positions in [63, 64, 65, 127, 128, 129, 200] {
        for window in [None, Some(1), Some(63), Some(64), Some(65), Some(positions)] {
            assert_is_plain(heads(1, 3, 8, window), positions, 9);
        }
    }
}

#[test]
fn repeats_to_the_bit() {
    let heads = heads(3, 3, 64, None);
    let ((one, _), (other, _)) = (random(heads, 130, 5), random(heads, 130, 5));
    assert_eq!((one.out, one.log_sums, one.gradients), (other.out, other.log_sums, other.gradients));
}

#[test]
fn scores_far_apart_are_no_trouble() {
    let heads = Heads { scale: 1e4, ..heads(1, 1, 4, None) };
    let (layer, _) = random(heads, 70, 1);
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
    let layer = run(heads, q, values(2, 40), values(3, 40), &values(4, 40));
    for position in 0..10 {
        let broken = position == 5 || position == 6;
        assert_eq!(layer.out[position * 4].is_nan(), broken, "{position}");
    }
}

#[test]
fn plain_gradients_are_the_slopes() {
    for window in [None, Some(2)] {
        let heads = heads(2, 2, 3, window);
        let (q, k, v) = (wide(&values(1, 5 * 12)), wide(&values(2, 5 * 6)), wide(&values(3, 5 * 6)));
        let d_out = wide(&values(4, q.len()));
        let forward = |q: &[f64], k: &[f64], v: &[f64]| {
            let (mut out, mut log_sums) = (vec![0.0; q.len()], vec![0.0; 20]);
            plain::causal_attention(heads, q, k, v, &mut out, &mut log_sums);
            (out, log_sums)
        };
        let (out, log_sums) = forward(&q, &k, &v);
        let [mut dq, mut dk, mut dv] = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
        plain::causal_attention_backward(
            heads, &q, &k, &v, &out, &log_sums, &d_out, &mut dq, &mut dk, &mut dv,
        );
        assert_gradient(|q| weighted(&forward(q, &k, &v).0, &d_out), &q, &dq);
        assert_gradient(|k| weighted(&forward(&q, k, &v).0, &d_out), &k, &dk);
        assert_gradient(|v| weighted(&forward(&q, &k, v).0, &d_out), &v, &dv);
    }
}

#[test]
#[should_panic(expected = "do not group")]
fn heads_have_to_group() {
    causal_attention(Heads { queries: 3, ..heads(2, 1, 4, None) }, &[], &[], &[], &mut [], &mut []);
}

#[test]
#[should_panic(expected = "values of q, k, v")]
fn lengths_have_to_fit() {
    causal_attention(heads(1, 1, 4, None), &[0.0; 8], &[0.0; 8], &[0.0; 7], &mut [0.0; 8], &mut [0.0; 2]);
}
