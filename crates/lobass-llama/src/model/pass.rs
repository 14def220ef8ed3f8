//! What one run through the layers knows besides the weights.

use std::ops::Range;

use super::packed::{Packed, Run};
use super::rope::RopeTables;
use crate::LlamaConfig;

/// How a differentiable pass is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceOptions {
    /// Keep the inputs of layers only, and run each layer again in the backward pass: the memory of one layer
    /// instead of all, for a third more work. The same bits.
    pub recompute: bool,
    /// The seed of an adapter's dropout; without one nothing is dropped.
    pub dropout_seed: Option<u64>,
}

/// One run of rows through the layers: all of some packed sequences, or a part of them.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) input_ids: &'a [u32],
    /// Every row, with its keys and values.
    pub(super) all: Rows,
    /// The rows whose hidden states are wanted, if not all are.
    pub(super) asked: Option<Rows>,
    pub(super) recompute: bool,
    pub(super) products: Products,
}

/// How projections multiply.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Products {
    /// The seed of an adapter's dropout; without one nothing is dropped.
    pub(super) dropout_seed: Option<u64>,
    /// Whether activations are rounded to bf16 where weights are; if not, they and the arithmetic are `f32`.
    pub(super) rounded: bool,
}

/// Rows of a pass, and where they stand in their sequences.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Which rows of the pass, ascending; all of them if there is none.
    pub(crate) chosen: Option<Vec<usize>>,
    pub(crate) spans: Vec<Span>,
    pub(crate) rope: RopeTables,
}

/// Rows next to each other in their sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Of the chosen rows.
    pub(crate) rows: Range<usize>,
    /// The place of the first of them in their sequences.
    pub(crate) position: usize,
    /// The span of the pass that they lie in.
    pub(crate) of: usize,
    /// The span of the pass that comes before that one; none at the beginning of a sequence, or if it was in an
    /// earlier part.
    pub(crate) before: Option<usize>,
    sequence_length: usize,
}

impl Span {
    /// The place after the last of them.
    pub(crate) fn end(&self) -> usize {
        self.position + self.rows.len()
    }
}

impl Rows {
    /// All rows of spans.
    pub(crate) fn all(config: &LlamaConfig, spans: Vec<Span>) -> Self {
        Self { chosen: None, rope: RopeTables::new(config, places(&spans)), spans }
    }

    /// Some rows of spans, ascending.
    fn chosen(config: &LlamaConfig, all: &[Span], chosen: Vec<usize>) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        let mut of = 0;
        for (place, &row) in chosen.iter().enumerate() {
            while all[of].rows.end <= row {
                of += 1;
            }
            let span = &all[of];
            let position = span.position + row - span.rows.start;
            match spans.last_mut() {
                Some(last) if last.of == of && last.end() == position => last.rows.end += 1,
                _ => spans.push(Span { rows: place..place + 1, position, ..span.clone() }),
            }
        }
        Self { chosen: Some(chosen), rope: RopeTables::new(config, places(&spans)), spans }
    }
}

fn places(spans: &[Span]) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    spans.iter().map(|span| (span.position..span.end(), span.sequence_length))
}

impl<'a> Pass<'a> {
    /// A pass over everything, in `f32`.
    pub(super) fn whole(config: &LlamaConfig, packed: &'a Packed, options: TraceOptions) -> Self {
        let all = Rows::all(config, spans(packed.runs(), 0..packed.n_rows()));
        let TraceOptions { recompute, dropout_seed } = options;
        let products = Products { dropout_seed, rounded: false };
        Self { input_ids: packed.input_ids(), all, asked: None, recompute, products }
    }

    /// Passes over at most `size` rows each, which together are a pass over everything, and give the rows asked for.
    pub(super) fn parts(config: &LlamaConfig, packed: &'a Packed, asked: &[usize], size: usize) -> Vec<Self> {
        let starts = (0..packed.n_rows()).step_by(size);
        starts
            .map(|start| {
                let rows = start..packed.n_rows().min(start + size);
                let asked = &asked[lower(asked, rows.start)..lower(asked, rows.end)];
                let chosen = asked.iter().map(|row| row - start).collect();
                let all = Rows::all(config, spans(packed.runs(), rows.clone()));
                let asked = (asked.len() < rows.len()).then(|| Rows::chosen(config, &all.spans, chosen));
                let products = Products { dropout_seed: None, rounded: true };
                Self { input_ids: &packed.input_ids()[rows], all, asked, recompute: false, products }
            })
            .collect()
    }

    /// The rows whose hidden states are wanted.
    pub(super) fn asked(&self) -> &Rows {
        self.asked.as_ref().unwrap_or(&self.all)
    }
}

/// How many of the ascending `rows` are below `bound`.
fn lower(rows: &[usize], bound: usize) -> usize {
    rows.partition_point(|&row| row < bound)
}

/// What lies of runs in some rows.
fn spans(runs: &[Run], rows: Range<usize>) -> Vec<Span> {
    let first = runs.partition_point(|run| run.rows.end <= rows.start);
    let within = runs[first..].iter().take_while(|run| run.rows.start < rows.end).enumerate();
    within
        .map(|(of, run)| {
            let (start, end) = (run.rows.start.max(rows.start), run.rows.end.min(rows.end));
            Span {
                rows: start - rows.start..end - rows.start,
                position: run.position + start - run.rows.start,
                of,
                before: run.before.and_then(|before| before.checked_sub(first)),
                sequence_length: run.sequence_length,
            }
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::tiny_with;

    /// The rows of packed sequences: all, and some.
    pub(crate) fn rows_of(packed: &Packed, asked: &[usize]) -> (Rows, Rows) {
        let config = LlamaConfig::from_json(&tiny_with("")).unwrap();
        let pass = Pass::parts(&config, packed, asked, packed.n_rows()).remove(0);
        let chosen = pass.asked.unwrap_or_else(|| Rows::chosen(&config, &pass.all.spans, asked.to_vec()));
        (pass.all, chosen)
    }

    #[test]
    fn parts_cut_runs_and_what_is_asked_for() {
        let config = LlamaConfig::from_json(&tiny_with("")).unwrap();
        let mut packed = Packed::default();
        let first = packed.push(None, &[1, 2, 3]);
        packed.push(Some(first), &[4, 5, 6]);
        packed.push(Some(first), &[7]);
        let parts = Pass::parts(&config, &packed, &[1, 2, 4, 5, 6], 4);
        let seen = |spans: &[Span]| {
            spans.iter().map(|span| (span.rows.clone(), span.position, span.of)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&parts[0].all.spans), [(0..3, 0, 0), (3..4, 3, 1)]);
        assert_eq!(seen(&parts[0].asked().spans), [(0..2, 1, 0)]);
        assert_eq!(parts[0].asked().chosen, Some(vec![1, 2]));
        assert_eq!(seen(&parts[1].all.spans), [(0..2, 4, 0), (2..3, 3, 1)]);
        assert_eq!(parts[1].input_ids, [5, 6, 7]);
        assert!(parts[1].asked.is_none(), "all of its rows are asked for");
    }
}
