//! Several sequences as one run of rows, without padding.

use std::ops::Range;

/// Token ids of one or more sequences, one after the other. Products run over all rows at once; attention looks only
/// within a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    input_ids: Vec<u32>,
    spans: Spans,
}

impl Packed {
    /// Packs sequences of token ids; empty ones take no rows.
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut packed = Self { input_ids: Vec::new(), spans: Spans(Vec::new()) };
        for ids in sequences {
            let start = packed.input_ids.len();
            packed.input_ids.extend_from_slice(ids);
            packed.spans.0.push(start..packed.input_ids.len());
        }
        packed
    }

    /// The token ids, row by row.
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// The first row of every sequence.
    pub fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.spans.iter().map(|span| span.start)
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.input_ids.len()
    }

    pub(super) fn spans(&self) -> &Spans {
        &self.spans
    }
}

/// The rows of each sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Range<usize>>);

impl Spans {
    #[cfg(test)]
    pub(crate) fn of_lengths(lengths: &[usize]) -> Self {
        let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
        Packed::new(ids.iter().map(Vec::as_slice)).spans
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.iter().filter(|span| !span.is_empty()).cloned()
    }
}
