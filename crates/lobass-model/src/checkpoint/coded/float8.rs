//! 8-bit floats with four bits of exponent and three of fraction, in scaled blocks.
//!
//! Source: FP8 Formats for Deep Learning (Micikevicius et al., 2022), table 1, without infinities; `Fp8Dequantize` of
//! transformers 5.24 for the scales.

use super::Decoder;

pub(super) struct Float8<'a> {
    codes: &'a [u8],
    /// A scale for each block, row by row.
    scales: Vec<f32>,
    /// Rows and columns of a block.
    block: [usize; 2],
    /// Rows of a matrix of a stack, and blocks down and across it.
    rows: usize,
    down: usize,
    across: usize,
}

impl<'a> Float8<'a> {
    pub(super) fn new(codes: &'a [u8], scales: Vec<f32>, shape: &[usize], block: [usize; 2]) -> Self {
        let [.., rows, columns] = *shape else { unreachable!("a coded tensor is a matrix or a stack") };
        let (down, across) = (rows.div_ceil(block[0]), columns.div_ceil(block[1]));
        Self { codes, scales, block, rows, down, across }
    }
}

impl Decoder for Float8<'_> {
    fn row(&self, row: usize, values: &mut [f32]) {
        let codes = &self.codes[row * values.len()..];
        let (matrix, within) = (row / self.rows, row % self.rows);
        let first = (matrix * self.down + within / self.block[0]) * self.across;
        for (column, (value, &code)) in values.iter_mut().zip(codes).enumerate() {
            *value = e4m3(code) * self.scales[first + column / self.block[1]];
        }
    }
}

/// The value of a code: sign, four bits of exponent with bias 7, three bits of fraction.
fn e4m3(code: u8) -> f32 {
    let (exponent, fraction) = (i32::from(code >> 3 & 15), f32::from(code & 7));
    let size = match (exponent, code & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction * 2.0_f32.powi(-9),
        _ => (8.0 + fraction) * 2.0_f32.powi(exponent - 10),
    };
    if code < 128 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::unusual_byte_groupings, reason = "sign, exponent, and fraction")]
    fn the_values_of_the_paper() {
        for (code, value) in [
            (0b0_0000_000, 0.0),
            (0b0_0000_001, 2.0_f32.powi(-9)),
            (0b0_0000_111, 0.875 * 2.0_f32.powi(-6)),
            (0b0_0001_000, 2.0_f32.powi(-6)),
            (0b0_0111_000, 1.0),
            (0b1_0111_100, -1.5),
            (0b0_1111_110, 448.0),
        ] {
            assert_eq!(e4m3(code), value, "{code:#b}");
        }
        assert!(e4m3(0x7f).is_nan() && e4m3(0xff).is_nan());
    }
}
