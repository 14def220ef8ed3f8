//! Activations that go into products.

use burn::tensor::{DType, Tensor};
use lobass_kernels::PackedBf16;

/// Activations, prepared once for products with several weights.
#[derive(Debug)]
pub(crate) struct Input {
    /// `[rows, in]`, in `f32`.
    pub(super) values: Tensor<2>,
    /// The format to which products round them.
    pub(super) dtype: DType,
    /// The values in that format, if it is another one.
    pub(super) rounded: Option<Rounded>,
}

/// Activations in half precision.
#[derive(Debug)]
pub(super) enum Rounded {
    /// On the processor, in bf16.
    Packed(PackedBf16),
    /// On another device.
    Cast(Tensor<2>),
}

impl Input {
    /// The values, `[rows, in]`.
    pub(crate) fn values(&self) -> &Tensor<2> {
        &self.values
    }

    /// Gives the values back.
    pub(crate) fn into_values(self) -> Tensor<2> {
        self.values
    }
}
