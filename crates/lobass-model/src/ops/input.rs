//! Activations that go into products.

use burn::tensor::Tensor;
use lobass_kernels::PackedBf16;

/// Activations, prepared once for products with several weights.
#[derive(Debug)]
pub(crate) struct Input {
    /// `[rows, in]`, on the processor in `f32`.
    pub(super) values: Tensor<2>,
    /// The values in bf16 as kernels read them, if products round them to it.
    pub(super) packed: Option<PackedBf16>,
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
