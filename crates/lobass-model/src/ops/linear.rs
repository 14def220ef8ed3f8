//! Linear attention: what comes before a row in a memory of fixed size.

use burn::tensor::{Device, Int, Tensor};

use super::transfer::sent_rows;
use crate::batch::Span;

/// What the gated delta rule works on.
#[derive(Debug, Clone)]
pub(crate) struct DeltaInputs {
    /// `[rows, keys * key_width]`.
    pub(crate) queries: Tensor<2>,
    /// `[rows, keys * key_width]`.
    pub(crate) keys: Tensor<2>,
    /// `[rows, values * value_width]`.
    pub(crate) values: Tensor<2>,
    /// The logarithms of decays, `[rows, values]`.
    pub(crate) log_decays: Tensor<2>,
    /// How much of a difference is written, `[rows, values]`.
    pub(crate) rates: Tensor<2>,
}

/// The parameters of decays, `f32`, one number for each head.
#[derive(Debug, Clone)]
pub(crate) struct DecayWeights {
    pub(crate) log_rates: Tensor<1>,
    pub(crate) biases: Tensor<1>,
}

/// Which rows a convolution of some size reads: nothing on the processor, whose kernels go by the spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shifts {
    /// The row that lies so many positions back, for each row. The largest distance comes first. A row at the beginning
    /// of its sequence gets the number of rows instead, which no row has.
    pub(super) earlier: Vec<Tensor<1, Int>>,
    /// The same for positions ahead in whole sequences, for the backward pass.
    pub(super) later: Vec<Tensor<1, Int>>,
}

impl Shifts {
    /// The shifts for all rows of a pass.
    pub(super) fn new(size: usize, spans: &[Span], is_traced: bool, device: &Device) -> Self {
        let end = spans.last().map_or(0, |span| span.rows.end);
        let table = |row: &dyn Fn(&Span, usize, usize) -> Option<usize>, by: usize| {
            let of_span = |span| (0..Span::len(span)).map(move |offset| row(span, offset, by).unwrap_or(end));
            sent_rows(&spans.iter().flat_map(of_span).collect::<Vec<_>>(), device)
        };
        let earlier = |span: &Span, offset: usize, by: usize| row_before(spans, span, offset, by);
        let later = |span: &Span, offset: usize, by: usize| {
            (offset + by < span.len()).then_some(span.rows.start + offset + by)
        };
        let by = || (1..size).rev();
        Self {
            earlier: by().map(|by| table(&earlier, by)).collect(),
            later: if is_traced { by().map(|by| table(&later, by)).collect() } else { Vec::new() },
        }
    }
}

/// The row some positions before one of a span, in its sequences.
fn row_before<'a>(spans: &'a [Span], mut span: &'a Span, offset: usize, mut by: usize) -> Option<usize> {
    if by <= offset {
        return Some(span.rows.start + offset - by);
    }
    by -= offset;
    loop {
        span = &spans[span.before?];
        if by <= span.len() {
            return Some(span.rows.end - by);
        }
        by -= span.len();
    }
}
