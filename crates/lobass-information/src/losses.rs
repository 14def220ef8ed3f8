//! One row under two models.

use std::f64::consts::LN_2;

/// The losses of one row, in nats, summed over its scored tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Of the response without its prompt, under the null model: `-ln g(y)`.
    pub null: f64,
    /// Of the response after its prompt, under the reference: `-ln g'(y|x)`.
    pub reference: f64,
    /// Scored tokens; at least 1.
    pub n_scored: u32,
}

/// The pointwise V-information of the prompt about the response, in bits: `log2 g'(y|x) - log2 g(y)`.
///
/// Source: arXiv 2110.08420, definition 4.1.
pub fn pvi(row: &Losses) -> f64 {
    (row.null - row.reference) / LN_2
}

impl Losses {
    /// The loss without the prompt, in bits.
    pub(crate) fn null_bits(&self) -> f64 {
        self.null / LN_2
    }

    /// The loss after the prompt, in bits.
    pub(crate) fn reference_bits(&self) -> f64 {
        self.reference / LN_2
    }
}
