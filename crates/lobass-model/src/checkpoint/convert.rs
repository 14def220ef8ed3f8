//! Bytes of a file to values in memory, and back.

use burn::tensor::{Element, TensorData, bf16, f16};

use crate::Dtype;

/// Reads little-endian values of one dtype as another; rounding is to nearest, ties to even.
pub(crate) fn tensor_data<const D: usize>(
    bytes: &[u8],
    from: Dtype,
    to: Dtype,
    shape: [usize; D],
) -> TensorData {
    match (from, to) {
        (Dtype::F32, Dtype::F32) => TensorData::new(read(bytes, f32::from_le_bytes), shape),
        (Dtype::Bf16, Dtype::Bf16) => TensorData::new(read(bytes, bf16::from_le_bytes), shape),
        (Dtype::F16, Dtype::F16) => TensorData::new(read(bytes, f16::from_le_bytes), shape),
        (Dtype::Bf16, Dtype::F32) => TensorData::new(read(bytes, |b| bf16::from_le_bytes(b).to_f32()), shape),
        (Dtype::F16, Dtype::F32) => TensorData::new(read(bytes, |b| f16::from_le_bytes(b).to_f32()), shape),
        (Dtype::F32, Dtype::Bf16) => {
            TensorData::new(read(bytes, |b| bf16::from_f32(f32::from_le_bytes(b))), shape)
        }
        (Dtype::F32, Dtype::F16) => {
            TensorData::new(read(bytes, |b| f16::from_f32(f32::from_le_bytes(b))), shape)
        }
        (Dtype::F16, Dtype::Bf16) => {
            TensorData::new(read(bytes, |b| bf16::from_f32(f16::from_le_bytes(b).to_f32())), shape)
        }
        (Dtype::Bf16, Dtype::F16) => {
            TensorData::new(read(bytes, |b| f16::from_f32(bf16::from_le_bytes(b).to_f32())), shape)
        }
    }
}

/// Reads little-endian values as `f32`.
pub(crate) fn widened(bytes: &[u8], from: Dtype) -> Vec<f32> {
    match from {
        Dtype::F32 => read(bytes, f32::from_le_bytes),
        Dtype::Bf16 => read(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F16 => read(bytes, |b| f16::from_le_bytes(b).to_f32()),
    }
}

fn read<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    debug_assert!(rest.is_empty(), "the header's shape and dtype give the length");
    chunks.iter().map(|&chunk| value(chunk)).collect()
}

/// Writes a tensor's values as little-endian bytes of a dtype.
pub(crate) fn to_bytes(data: &TensorData, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => written(data, f32::to_le_bytes),
        Dtype::Bf16 => written(data, bf16::to_le_bytes),
        Dtype::F16 => written(data, f16::to_le_bytes),
    }
}

fn written<const N: usize, T: Element>(data: &TensorData, bytes_of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; N * data.num_elements()];
    for (bytes, value) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(data.iter::<T>()) {
        *bytes = bytes_of(value);
    }
    bytes
}
