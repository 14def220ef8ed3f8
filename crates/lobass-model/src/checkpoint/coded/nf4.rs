//! NF4 of bitsandbytes: 4-bit codes of values that are normal by their block's largest one.
//!
//! Source: `QLoRA` (Dettmers et al., 2023), section 3; `quantize_4bit` and `dequantize_4bit` of bitsandbytes 0.50.

use serde::Deserialize;

use super::Decoder;
use crate::Dtype;

/// What bitsandbytes writes beside the codes of a tensor, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checkpoint) struct State {
    /// Values that share a scale.
    pub(super) block: usize,
    /// The dtype that values are decoded to.
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Scales that share a scale of theirs, and what is added to them; `None` if scales are stored plain.
    pub(super) nested: Option<(usize, f32)>,
}

#[derive(Deserialize)]
struct Json {
    quant_type: String,
    blocksize: usize,
    dtype: String,
    shape: Vec<usize>,
    nested_blocksize: Option<usize>,
    nested_offset: Option<f32>,
}

impl State {
    /// Reads the JSON of a tensor.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let dtype = match json.dtype.trim_start_matches("torch.") {
            "float32" => Dtype::F32,
            "bfloat16" => Dtype::Bf16,
            "float16" => Dtype::F16,
            other => return Err(format!("expected dtype float32, bfloat16, or float16, found {other}")),
        };
        if json.quant_type != "nf4" || json.blocksize == 0 {
            return Err(format!("expected quant_type nf4, found {}", json.quant_type));
        }
        let nested = json.nested_blocksize.zip(json.nested_offset).filter(|(block, _)| *block > 0);
        Ok(Self { block: json.blocksize, dtype, shape: json.shape, nested })
    }

    /// Bytes of the codes, and numbers of scales and of scales of scales.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let count = self.shape.iter().product::<usize>();
        let scales = count.div_ceil(self.block);
        let nested = self.nested.map_or(0, |(block, _)| scales.div_ceil(block));
        [count.div_ceil(2), scales, nested]
    }
}

/// The parts of a tensor, in order: codes, scales, table of values; and with nested scales their scales and table.
pub(super) struct Nf4<'a> {
    codes: &'a [u8],
    scales: Vec<f32>,
    table: Vec<f32>,
    block: usize,
    width: usize,
}

impl<'a> Nf4<'a> {
    pub(super) fn new(
        state: &State,
        bytes: &[&'a [u8]],
        floats: impl Fn(usize) -> Vec<f32>,
        width: usize,
    ) -> Self {
        let scales = match state.nested {
            None => floats(1),
            Some((block, offset)) => {
                let (nested, table) = (floats(3), floats(4));
                let scale =
                    |(at, &code): (usize, &u8)| table[usize::from(code)] * nested[at / block] + offset;
                bytes[1].iter().enumerate().map(scale).collect()
            }
        };
        Self { codes: bytes[0], scales, table: floats(2), block: state.block, width }
    }
}

impl Decoder for Nf4<'_> {
    fn row(&self, row: usize, values: &mut [f32]) {
        let start = row * self.width;
        for (at, value) in (start..).zip(values) {
            // The first of two values is in the high half.
            let code = self.codes[at / 2] >> (4 * (1 - at % 2)) & 15;
            *value = self.table[usize::from(code)] * self.scales[at / self.block];
        }
    }
}
