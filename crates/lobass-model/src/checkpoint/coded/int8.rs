//! 8-bit integers of bitsandbytes, with the largest value of each row as its scale.
//!
//! Source: `LLM.int8()` (Dettmers et al., 2022); `int8_vectorwise_dequant` of bitsandbytes 0.50.

use super::Decoder;

pub(super) struct Int8<'a> {
    /// Signed bytes.
    pub(super) codes: &'a [u8],
    /// The largest value of each row.
    pub(super) scales: Vec<f32>,
}

/// 1 / 127, as bitsandbytes writes it.
const UNIT: f32 = 7.874_016e-3;

impl Decoder for Int8<'_> {
    fn row(&self, row: usize, values: &mut [f32]) {
        let codes = &self.codes[row * values.len()..];
        for (value, &code) in values.iter_mut().zip(codes) {
            *value = f32::from(code.cast_signed()) * self.scales[row] * UNIT;
        }
    }
}
