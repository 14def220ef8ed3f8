//! Tensors whose values are stored in four or eight bits, decoded while loading.
//!
//! Each format is a file here: how many bytes make which values. [`find`] says which tensors of a checkpoint have
//! which format, by the tensors beside them.

mod find;
mod float8;
mod int8;
mod mxfp4;
mod nf4;

use std::fmt;

pub(super) use find::find;

use super::tensors::Tensors;
use crate::Dtype;

/// A stored tensor in a format of few bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coded {
    pub(super) format: Format,
    /// The shape of its values; a stack is `[experts, out, in]`.
    pub(super) shape: Vec<usize>,
    /// Names in the files: of the bits, then of what they are decoded with.
    pub(super) names: Vec<String>,
}

/// How values are stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Format {
    /// 4-bit codes of blocks, as bitsandbytes has them.
    Nf4(nf4::State),
    /// 8-bit integers with a scale for each row, as bitsandbytes has them.
    Int8,
    /// 8-bit floats (e4m3) with a scale for each block of this many rows and columns.
    Float8 { block: [usize; 2], rounds_to_scale: bool },
    /// 4-bit floats (e2m1) with an exponent for 32 of them.
    Mxfp4,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nf4(_) => "NF4",
            Self::Int8 => "int8",
            Self::Float8 { .. } => "FP8",
            Self::Mxfp4 => "MXFP4",
        })
    }
}

/// Decodes rows.
trait Decoder {
    /// Writes the values of a row. Rows of a stack are numbered through.
    fn row(&self, row: usize, values: &mut [f32]);
}

impl Coded {
    /// Values of each row.
    pub(super) fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or_default()
    }

    /// Rows of all matrices.
    pub(super) fn n_rows(&self) -> usize {
        self.shape[..self.shape.len().saturating_sub(1)].iter().product()
    }

    /// The values of some rows, rounded as the format's own reader rounds them.
    pub(super) fn rows(&self, tensors: &Tensors, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        let bytes: Vec<&[u8]> = self.names.iter().filter_map(|name| tensors.bytes_of_file(name)).collect();
        let floats = |at: usize| tensors.floats_of_file(&self.names[at]).unwrap_or_default();
        let width = self.width();
        let (decoder, rounding): (Box<dyn Decoder + '_>, _) = match &self.format {
            Format::Nf4(state) => {
                let decoder = nf4::Nf4::new(state, &bytes, floats, width);
                (Box::new(decoder), state.dtype)
            }
            Format::Int8 => (Box::new(int8::Int8 { codes: bytes[0], scales: floats(1) }), Dtype::F32),
            Format::Float8 { block, rounds_to_scale } => {
                let decoder = float8::Float8::new(bytes[0], floats(1), &self.shape, *block);
                let scale = tensors.info_of_file(&self.names[1]).map(|info| info.dtype);
                let scale = scale.and_then(crate::dtype::from_safetensors).unwrap_or_default();
                (Box::new(decoder), if *rounds_to_scale { scale } else { Dtype::F32 })
            }
            Format::Mxfp4 => (Box::new(mxfp4::Mxfp4 { codes: bytes[0], exponents: bytes[1] }), Dtype::F32),
        };
        let mut values = Vec::new();
        for row in rows {
            let start = values.len();
            values.resize(start + width, 0.0);
            decoder.row(row, &mut values[start..]);
        }
        round(&mut values, rounding);
        values
    }
}

fn round(values: &mut [f32], dtype: Dtype) {
    match dtype {
        Dtype::F32 => {}
        Dtype::Bf16 => values.iter_mut().for_each(|value| *value = half::bf16::from_f32(*value).to_f32()),
        Dtype::F16 => values.iter_mut().for_each(|value| *value = half::f16::from_f32(*value).to_f32()),
    }
}
