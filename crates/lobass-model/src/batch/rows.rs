//! Rows of packed sequences: all, parts of them, and those that are asked for.

use std::ops::Range;

use super::packed::{Packed, Run};
use super::rope::RopeTables;
use crate::DecoderSpec;

/// Rows, and where they stand in their sequences.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// Which rows of the part, ascending; `None` for all of them.
    pub(crate) chosen: Option<Vec<usize>>,
    pub(crate) spans: Vec<Span>,
    /// For each rotary embedding of the model.
    pub(crate) ropes: Vec<RopeTables>,
}

/// Rows next to each other in their sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// The range of the chosen rows.
    pub(crate) rows: Range<usize>,
    /// The place of the first of them in their sequences.
    pub(crate) position: usize,
    /// The span of the part that they lie in.
    pub(crate) of: usize,
    /// The span of the part that comes before that one; `None` at the beginning of a sequence, or if it was in an
    /// earlier part.
    pub(crate) before: Option<usize>,
    sequence_length: usize,
}

/// Rows that go through a layer at once: all of some packed sequences, or a part of them.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) input_ids: &'a [u32],
    /// Every row.
    pub(crate) all: Rows,
    /// The rows whose hidden states are wanted, if not all are.
    pub(crate) asked: Option<Rows>,
}

/// Everything at once, of which all rows are wanted.
pub(crate) fn whole<'a>(spec: &DecoderSpec, packed: &'a Packed) -> Part<'a> {
    let all = Rows::all(spec, spans(packed.runs(), 0..packed.n_rows()));
    Part { input_ids: packed.input_ids(), all, asked: None }
}

/// Parts of at most `size` rows each, which together are everything, and the rows asked for in each; `asked` ascends.
pub(crate) fn parts<'a>(
    spec: &DecoderSpec,
    packed: &'a Packed,
    asked: &[usize],
    size: usize,
) -> Vec<Part<'a>> {
    let part = |start: usize| {
        let rows = start..packed.n_rows().min(start + size);
        let asked = &asked[lower(asked, rows.start)..lower(asked, rows.end)];
        let chosen = asked.iter().map(|row| row - start).collect();
        let all = Rows::all(spec, spans(packed.runs(), rows.clone()));
        let asked = (asked.len() < rows.len()).then(|| Rows::chosen(spec, &all.spans, chosen));
        Part { input_ids: &packed.input_ids()[rows], all, asked }
    };
    (0..packed.n_rows()).step_by(size).map(part).collect()
}

/// Rows that continue sequences beside each other, a span for each, of which the last row is wanted. Nothing that comes
/// before them is in the part.
///
/// - `places`: of each sequence the position of its first row here, and the number of its rows here, at least 1
pub(crate) fn going_on<'a>(spec: &DecoderSpec, input_ids: &'a [u32], places: &[(usize, usize)]) -> Part<'a> {
    let mut spans: Vec<Span> = Vec::with_capacity(places.len());
    for (of, &(position, n_rows)) in places.iter().enumerate() {
        let start = spans.last().map_or(0, |span| span.rows.end);
        let rows = start..start + n_rows;
        spans.push(Span { rows, position, of, before: None, sequence_length: position + n_rows });
    }
    let all = Rows::all(spec, spans);
    let last: Vec<usize> = all.spans.iter().map(|span| span.rows.end - 1).collect();
    let asked = (last.len() < input_ids.len()).then(|| Rows::chosen(spec, &all.spans, last));
    Part { input_ids, all, asked }
}

impl Span {
    /// The number of its rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The place after the last of them.
    pub(crate) fn end(&self) -> usize {
        self.position + self.rows.len()
    }
}

impl Rows {
    /// All rows of spans.
    fn all(spec: &DecoderSpec, spans: Vec<Span>) -> Self {
        Self { chosen: None, ropes: ropes(spec, &spans), spans }
    }

    /// Some rows of spans, ascending.
    fn chosen(spec: &DecoderSpec, all: &[Span], chosen: Vec<usize>) -> Self {
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
        Self { chosen: Some(chosen), ropes: ropes(spec, &spans), spans }
    }
}

/// The angles of each rotary embedding of a model.
fn ropes(spec: &DecoderSpec, spans: &[Span]) -> Vec<RopeTables> {
    spec.ropes.iter().map(|rope| RopeTables::new(rope, places(spans))).collect()
}

fn places(spans: &[Span]) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    spans.iter().map(|span| (span.position..span.end(), span.sequence_length))
}

/// How many of the ascending `rows` are below `bound`.
fn lower(rows: &[usize], bound: usize) -> usize {
    rows.partition_point(|&row| row < bound)
}

/// The spans of runs in some rows.
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
        let spec = DecoderSpec::from_json(&tiny_with("")).unwrap();
        let part = parts(&spec, packed, asked, packed.n_rows()).remove(0);
        let chosen = part.asked.unwrap_or_else(|| Rows::chosen(&spec, &part.all.spans, asked.to_vec()));
        (part.all, chosen)
    }

    #[test]
    fn parts_cut_runs_and_what_is_asked_for() {
        let spec = DecoderSpec::from_json(&tiny_with("")).unwrap();
        let mut packed = Packed::default();
        let first = packed.push(None, &[1, 2, 3]);
        packed.push(Some(first), &[4, 5, 6]);
        packed.push(Some(first), &[7]);
        let parts = parts(&spec, &packed, &[1, 2, 4, 5, 6], 4);
        let seen = |spans: &[Span]| {
            spans.iter().map(|span| (span.rows.clone(), span.position, span.of)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&parts[0].all.spans), [(0..3, 0, 0), (3..4, 3, 1)]);
        let asked = parts[0].asked.as_ref().unwrap();
        assert_eq!(seen(&asked.spans), [(0..2, 1, 0)]);
        assert_eq!(asked.chosen, Some(vec![1, 2]));
        assert_eq!(seen(&parts[1].all.spans), [(0..2, 4, 0), (2..3, 3, 1)]);
        assert_eq!(parts[1].input_ids, [5, 6, 7]);
        assert!(parts[1].asked.is_none(), "all of its rows are asked for");
    }
}
