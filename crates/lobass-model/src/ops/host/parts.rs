//! Activations as sums of parts in bf16.

use burn::tensor::Tensor;
use lobass_kernels::{Bf16Instructions, Bf16Parts, PackedBf16};

use super::lent::Read;
use crate::ops::input::Input;

/// Whether products of parts in bf16 are faster here than those in `f32`.
pub(crate) fn gains_from_parts() -> bool {
    Bf16Instructions::detected().gain_from_parts()
}

/// Arranges activations as sums of parts.
pub(super) fn packed(x: Tensor<2>, parts: Bf16Parts) -> Input {
    let inputs = x.dims()[1];
    let packed = PackedBf16::split(Read::new(&x).values::<f32>(), inputs, parts);
    Input { values: x, packed: Some(packed) }
}
