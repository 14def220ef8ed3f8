//! 4-bit floats with two bits of exponent and one of fraction, and an exponent for 32 of them.
//!
//! Source: OCP Microscaling Formats (MX) v1.0, sections 5.3.3 and 5.4.1; `convert_moe_packed_tensors` of transformers
//! 5.24 for the order of bits.

use super::Decoder;

/// Values that share an exponent.
pub(super) const BLOCK: usize = 32;

pub(super) struct Mxfp4<'a> {
    /// Two values a byte, the first in the low half.
    pub(super) codes: &'a [u8],
    /// With bias 127.
    pub(super) exponents: &'a [u8],
}

const VALUES: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

impl Decoder for Mxfp4<'_> {
    fn row(&self, row: usize, values: &mut [f32]) {
        let start = row * values.len();
        for (at, value) in (start..).zip(values) {
            let code = self.codes[at / 2] >> (4 * (at % 2)) & 15;
            let size = VALUES[usize::from(code & 7)];
            let scale = 2.0_f32.powi(i32::from(self.exponents[at / BLOCK]) - 127);
            *value = if code < 8 { size } else { -size } * scale;
        }
    }
}
