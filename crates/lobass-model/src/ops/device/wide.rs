//! Values in half precision, computed with in `f32`.
//!
//! A pass may keep activations in half precision. What is computed of them one by one, and every sum of them outside of
//! a product, is `f32`. Devices fuse the conversions with what is between them.

use burn::tensor::{DType, Tensor};

/// In `f32`.
pub(super) fn wide<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(DType::F32)
}

/// What `compute` makes of `x` in `f32`, in the format of `x`.
pub(super) fn widely<const D: usize>(
    x: Tensor<D>,
    compute: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    let dtype = x.dtype();
    compute(wide(x)).cast(dtype)
}
