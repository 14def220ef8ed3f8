//! Attention of many sequences at once, in tensor operations.
//!
//! A device wants few large operations. So queries and keys are gathered into rectangles, short ones filled up, and
//! what a query does not see is masked.

use std::ops::Range;

use burn::tensor::activation::softmax;
use burn::tensor::module::attention as fused;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, DType, Device, Int, Tensor};

use crate::batch::Span;
use crate::ops::attention::{AttentionInputs, AttentionOutput, Heads};
use crate::ops::tables::{Masks, Rectangle};
use crate::ops::transfer::sent_rows;

/// Queries of one sequence in one rectangle.
const MOST_QUERIES: usize = 256;
/// Scores of a rectangle: 256 MiB in f32.
const MOST_SCORES: usize = 64 << 20;

/// Causal attention in one pass over all rows.
pub(super) fn attention(
    inputs: &AttentionInputs,
    heads: Heads,
    masks: &Masks,
    dtype: DType,
) -> AttentionOutput {
    let contexts =
        masks.rectangles.iter().map(|rectangle| context(rectangle, inputs, heads, dtype)).collect();
    let places = masks.places.clone().expect("the masks are those of a device");
    AttentionOutput { context: Tensor::cat(contexts, 0).select(0, places), log_sums: None }
}

/// The context of every query of a rectangle, and of those that fill up: `[pieces * n_queries, H * D]`.
fn context(rectangle: &Rectangle, inputs: &AttentionInputs, heads: Heads, dtype: DType) -> Tensor<2> {
    let Rectangle { n_pieces: count, n_queries, n_keys, .. } = *rectangle;
    let of_heads = |rows: &Tensor<2>, which: &Tensor<1, Int>, length: usize, heads: usize, width: usize| {
        let rows = rows.clone().select(0, which.clone()).cast(dtype);
        rows.reshape([count, length, heads, width]).swap_dims(1, 2)
    };
    let repeated = |rows: &Tensor<2>, width: usize| {
        let groups = heads.queries / heads.keys;
        of_heads(rows, &rectangle.keys, n_keys, heads.keys, width)
            .unsqueeze_dim::<5>(2)
            .expand([count, heads.keys, groups, n_keys, width])
            .reshape([count, heads.queries, n_keys, width])
    };
    let queries = of_heads(&inputs.queries, &rectangle.queries, n_queries, heads.queries, heads.width);
    let keys = repeated(&inputs.keys, heads.width);
    let values = repeated(&inputs.values, heads.value_width);
    let hidden = rectangle.hidden.clone();
    // The fused kernels round to half precision on some devices, whatever they are given, and know no sinks.
    let is_fused = dtype != DType::F32 && heads.is_usual() && inputs.sinks.is_none();
    let context = if is_fused {
        fused(queries, keys, values, Some(hidden), None, AttentionModuleOptions::default())
    } else {
        let scores = capped(queries.matmul(keys.transpose()).cast(DType::F32) * heads.scale, heads);
        let sinks = inputs.sinks.clone().map(|sinks| {
            sinks.reshape([1, heads.queries, 1, 1]).expand([count, heads.queries, n_queries, 1])
        });
        let weights = softmax_beside(scores.mask_fill(hidden, f32::NEG_INFINITY), sinks);
        weights.cast(dtype).matmul(values)
    };
    context.swap_dims(1, 2).reshape([count * n_queries, heads.queries * heads.value_width]).cast(DType::F32)
}

/// What scaled scores count as.
pub(super) fn capped<const D: usize>(scores: Tensor<D>, heads: Heads) -> Tensor<D> {
    match heads.cap {
        None => scores,
        Some(cap) => (scores / cap).tanh() * cap,
    }
}

/// The weights of keys, `[.., n_queries, n_keys]`, beside sinks, `[.., n_queries, 1]`, whose own weights are left out.
pub(super) fn softmax_beside<const D: usize>(scores: Tensor<D>, sinks: Option<Tensor<D>>) -> Tensor<D> {
    let n_keys = scores.dims()[D - 1];
    match sinks {
        None => softmax(scores, D - 1),
        Some(sinks) => softmax(Tensor::cat(vec![scores, sinks], D - 1), D - 1).narrow(D - 1, 0, n_keys),
    }
}

/// The rectangles of some queries, and where each query is in them.
pub(super) fn masks(heads: Heads, all: &[Span], asked: &[Span], device: &Device) -> Masks {
    let n_asked = asked.last().map_or(0, |span| span.rows.end);
    let (mut rectangles, mut places, mut offset) = (Vec::new(), vec![0; n_asked], 0);
    for stack in stacks(heads, all, asked) {
        for (at, piece) in stack.pieces.iter().enumerate() {
            for (query, row) in piece.queries.clone().enumerate() {
                places[row] = offset + at * stack.n_queries + query;
            }
        }
        offset += stack.pieces.len() * stack.n_queries;
        rectangles.push(stack.rectangle(heads.window, device));
    }
    Masks { rectangles, places: Some(sent_rows(&places, device)), square: None }
}

/// Queries next to each other in a sequence.
struct Piece {
    queries: Range<usize>,
    position: usize,
    /// The rows of the keys up to the last query.
    keys: Vec<usize>,
}

/// Pieces side by side: a rectangle to be.
struct Stack {
    pieces: Vec<Piece>,
    n_queries: usize,
    n_keys: usize,
}

/// Pieces with about as many keys together.
fn stacks(heads: Heads, all: &[Span], asked: &[Span]) -> Vec<Stack> {
    let mut pieces = pieces(all, asked);
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.keys.len()));
    let mut stacks: Vec<Stack> = Vec::new();
    for piece in pieces {
        let (n_queries, n_keys) = (piece.queries.len(), piece.keys.len());
        let fits = |to: &&mut Stack| {
            let scores = (to.pieces.len() + 1) * heads.queries * to.n_queries.max(n_queries) * to.n_keys;
            scores <= MOST_SCORES && 2 * n_keys >= to.n_keys
        };
        match stacks.last_mut().filter(fits) {
            Some(to) => {
                to.n_queries = to.n_queries.max(n_queries);
                to.pieces.push(piece);
            }
            None => stacks.push(Stack { pieces: vec![piece], n_queries, n_keys }),
        }
    }
    stacks
}

fn pieces(all: &[Span], asked: &[Span]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for span in asked {
        let path = path(all, span.of);
        for start in span.rows.clone().step_by(MOST_QUERIES) {
            let queries = start..span.rows.end.min(start + MOST_QUERIES);
            let position = span.position + start - span.rows.start;
            let keys = path[..position + queries.len()].to_vec();
            pieces.push(Piece { queries, position, keys });
        }
    }
    pieces
}

/// The rows of a sequence up to the end of a span.
fn path(all: &[Span], span: usize) -> Vec<usize> {
    let mut spans = vec![span];
    while let Some(before) = spans.last().and_then(|&last| all[last].before) {
        spans.push(before);
    }
    spans.into_iter().rev().flat_map(|span| all[span].rows.clone()).collect()
}

impl Stack {
    fn rectangle(&self, window: Option<usize>, device: &Device) -> Rectangle {
        Rectangle {
            n_pieces: self.pieces.len(),
            n_queries: self.n_queries,
            n_keys: self.n_keys,
            queries: self.gathered(device, self.n_queries, |piece| piece.queries.clone().collect()),
            keys: self.gathered(device, self.n_keys, |piece| piece.keys.clone()),
            hidden: self.hidden(window, device),
        }
    }

    /// Row numbers of every piece, filled up with the first one.
    fn gathered(
        &self,
        device: &Device,
        length: usize,
        rows: impl Fn(&Piece) -> Vec<usize>,
    ) -> Tensor<1, Int> {
        let padded = |piece: &Piece| {
            let mut rows = rows(piece);
            rows.resize(length, rows[0]);
            rows
        };
        sent_rows(&self.pieces.iter().flat_map(padded).collect::<Vec<_>>(), device)
    }

    /// Whether a query does not see a key, `[pieces, 1, n_queries, n_keys]`: it comes later, or is out of the window.
    fn hidden(&self, window: Option<usize>, device: &Device) -> Tensor<4, Bool> {
        let firsts: Vec<usize> = self.pieces.iter().map(|piece| piece.position).collect();
        let firsts: Tensor<4, Int> = sent_rows(&firsts, device).reshape([firsts.len(), 1, 1, 1]);
        let queries = firsts + numbers(self.n_queries, device).reshape([1, 1, self.n_queries, 1]);
        let keys: Tensor<4, Int> = numbers(self.n_keys, device).reshape([1, 1, 1, self.n_keys]);
        let shape = [self.pieces.len(), 1, self.n_queries, self.n_keys];
        unseen(keys.expand(shape) - queries.expand(shape), window)
    }
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
