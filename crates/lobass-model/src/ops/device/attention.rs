//! Attention of many sequences at once, in tensor operations.
//!
//! A device wants few large operations. So queries are gathered into rectangles with the keys that they see, and what
//! else is in a rectangle is masked. The scores of all query heads that share a key head are one product.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::pieces::{Cut, Side, rectangles};
use super::wide::wide;
use crate::batch::Span;
use crate::ops::attention::{AttentionInputs, AttentionOutput, Heads};
use crate::ops::tables::{Masks, Rectangle};
use crate::ops::transfer::sent_rows;

/// Causal attention in one pass over all rows.
pub(super) fn attention(inputs: &AttentionInputs, heads: Heads, masks: &Masks) -> AttentionOutput {
    let contexts = masks.rectangles.iter().map(|rectangle| context(rectangle, inputs, heads)).collect();
    let places = masks.places.clone().expect("the masks are those of a device");
    AttentionOutput { context: Tensor::cat(contexts, 0).select(0, places), log_sums: None }
}

/// The context of every query of a rectangle, and of those that fill up: `[pieces * n_queries, H * V]`.
fn context(rectangle: &Rectangle, inputs: &AttentionInputs, heads: Heads) -> Tensor<2> {
    let count = rectangle.n_pieces;
    let gathered = |rows: &Tensor<2>, which: &Tensor<1, Int>| rows.clone().select(0, which.clone());
    let queries = by_key_head(gathered(&inputs.queries, &rectangle.queries), count, heads.keys, heads.width);
    let keys = by_key_head(gathered(&inputs.keys, &rectangle.keys), count, heads.keys, heads.width);
    let values = by_key_head(gathered(&inputs.values, &rectangle.keys), count, heads.keys, heads.value_width);
    let scores = scores(queries, keys, heads).mask_fill(rectangle.hidden.clone(), f32::NEG_INFINITY);
    let weights = weights(scores, inputs.sinks.as_ref());
    let context = as_product(weights).cast(values.dtype()).matmul(values);
    by_row(context, heads.queries / heads.keys)
}

/// The heads that read each key head, one after the other: `[count * length, K * G * width]` to
/// `[count, K, G * length, width]`.
pub(super) fn by_key_head(rows: Tensor<2>, count: usize, key_heads: usize, width: usize) -> Tensor<4> {
    let [n_rows, all] = rows.dims();
    let (length, groups) = (n_rows / count, all / (key_heads * width));
    let heads = rows.reshape([count, length, key_heads, groups, width]).permute([0, 2, 3, 1, 4]);
    heads.reshape([count, key_heads, groups * length, width])
}

/// The other way.
pub(super) fn by_row(heads: Tensor<4>, groups: usize) -> Tensor<2> {
    let [count, key_heads, all, width] = heads.dims();
    let length = all / groups;
    let rows = heads.reshape([count, key_heads, groups, length, width]).permute([0, 3, 1, 2, 4]);
    rows.reshape([count * length, key_heads * groups * width])
}

/// What the products of queries and keys count as, `[count, K, G, n_queries, n_keys]` in `f32`: in half precision, a
/// large score would be off by as much as decides between keys.
pub(super) fn scores(queries: Tensor<4>, keys: Tensor<4>, heads: Heads) -> Tensor<5> {
    let ([count, key_heads, all, _], n_keys) = (queries.dims(), keys.dims()[2]);
    let groups = heads.queries / heads.keys;
    let products = (wide(queries) * heads.scale).matmul(wide(keys).transpose());
    let scores = products.reshape([count, key_heads, groups, all / groups, n_keys]);
    match heads.cap {
        None => scores,
        Some(cap) => (scores / cap).tanh() * cap,
    }
}

/// The weights of keys, given scores without what is hidden, `[count, K, G, n_queries, n_keys]`. The weight of a sink,
/// `[H]`, is left out.
pub(super) fn weights(scores: Tensor<5>, sinks: Option<&Tensor<1>>) -> Tensor<5> {
    let [count, key_heads, groups, n_queries, n_keys] = scores.dims();
    let Some(sinks) = sinks else { return softmax(scores, 4) };
    let sinks = sinks.clone().reshape([1, key_heads, groups, 1, 1]);
    let sinks = sinks.expand([count, key_heads, groups, n_queries, 1]);
    softmax(Tensor::cat(vec![scores, sinks], 4), 4).narrow(4, 0, n_keys)
}

/// `[count, K, G, n_queries, n_keys]` to `[count, K, G * n_queries, n_keys]`.
pub(super) fn as_product(scores: Tensor<5>) -> Tensor<4> {
    let [count, key_heads, groups, n_queries, n_keys] = scores.dims();
    scores.reshape([count, key_heads, groups * n_queries, n_keys])
}

/// The rectangles of some queries, and where each query is in them.
pub(super) fn masks(cut: Cut, heads: Heads, all: &[Span], asked: &[Span], device: &Device) -> Masks {
    let n_asked = asked.last().map_or(0, |span| span.rows.end);
    let (mut found, mut places, mut offset) = (Vec::new(), vec![0; n_asked], 0);
    for side in rectangles(cut, heads.queries, heads.window, all, asked) {
        for (at, piece) in side.pieces.iter().enumerate() {
            for (query, row) in piece.queries.clone().enumerate() {
                places[row] = offset + at * side.n_queries + query;
            }
        }
        offset += side.pieces.len() * side.n_queries;
        found.push(rectangle(&side, heads.window, device));
    }
    Masks { rectangles: found, places: Some(sent_rows(&places, device)), square: None }
}

fn rectangle(side: &Side, window: Option<usize>, device: &Device) -> Rectangle {
    let queries = side.pieces.iter().map(|piece| piece.queries.clone().collect());
    let keys = side.pieces.iter().map(|piece| piece.keys.clone());
    Rectangle {
        n_pieces: side.pieces.len(),
        queries: sent_rows(&filled_up(queries, side.n_queries), device),
        keys: sent_rows(&filled_up(keys, side.n_keys), device),
        hidden: hidden(side, window, device),
    }
}

/// Row numbers of every piece, filled up with the first one.
fn filled_up(pieces: impl Iterator<Item = Vec<usize>>, length: usize) -> Vec<usize> {
    let filled = |mut rows: Vec<usize>| {
        rows.resize(length, rows[0]);
        rows
    };
    pieces.flat_map(filled).collect()
}

/// Whether a query does not see a key, `[pieces, 1, 1, n_queries, n_keys]`: it comes later, or is out of the window.
/// What fills up comes later than every query.
fn hidden(side: &Side, window: Option<usize>, device: &Device) -> Tensor<5, Bool> {
    let (count, n_queries, n_keys) = (side.pieces.len(), side.n_queries, side.n_keys);
    // How far the first query is behind the first key.
    let behind: Vec<usize> = side.pieces.iter().map(|piece| piece.position - piece.first_key).collect();
    let behind: Tensor<5, Int> = sent_rows(&behind, device).reshape([count, 1, 1, 1, 1]);
    let queries = behind + numbers(n_queries, device).reshape([1, 1, 1, n_queries, 1]);
    let keys: Tensor<5, Int> = numbers(n_keys, device).reshape([1, 1, 1, 1, n_keys]);
    let shape = [count, 1, 1, n_queries, n_keys];
    unseen(keys.expand(shape) - queries.expand(shape), window)
}

/// `0..n`, made on a device.
pub(super) fn numbers(n: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(0..i64::try_from(n).unwrap_or(i64::MAX), device)
}

/// Whether a query does not see a key that is so far ahead of it.
pub(super) fn unseen<const D: usize>(ahead: Tensor<D, Int>, window: Option<usize>) -> Tensor<D, Bool> {
    let later = ahead.clone().greater_elem(0);
    match window {
        None => later,
        Some(window) => later.bool_or(ahead.lower_equal_elem(-i64::try_from(window).unwrap_or(i64::MAX))),
    }
}
