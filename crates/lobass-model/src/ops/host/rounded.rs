//! Products of which both sides are rounded to bf16, for training in mixed precision.

use std::cell::RefCell;

use burn::tensor::{DType, Tensor, bf16};
use lobass_kernels::{Bf16Weights, PackedBf16};

use super::buffers::buffer;
use super::lent::{Read, tensor, widened};

thread_local! {
    /// Weights that are rounded for one product.
    static ROUNDED: RefCell<Vec<bf16>> = const { RefCell::new(Vec::new()) };
}

/// Computes `x w^T` into `y`. A weight of another format than bf16 is rounded to it.
pub(super) fn product(x: &PackedBf16, weight: &Tensor<2>, y: &mut [f32]) {
    match weight.dtype() {
        DType::BF16 => x.times(Read::new(weight).values::<bf16>(), y),
        _ => ROUNDED.with_borrow_mut(|rounded| {
            let weight = widened(weight.clone());
            let weight = Read::new(&weight);
            let values = weight.values::<f32>();
            rounded.resize(rounded.len().max(values.len()), bf16::ZERO);
            let rounded = &mut rounded[..values.len()];
            lobass_kernels::round_bf16(values, rounded);
            x.times(rounded, y);
        }),
    }
}

/// The gradient with respect to `x`, `[rows, in]`, given that of the product, `[rows, out]`.
pub(super) fn inputs_backward(d_output: &Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
    let ([rows, _], [_, inputs]) = (d_output.dims(), weight.dims());
    let mut dx = buffer(rows * inputs);
    let d_output = Read::new(d_output);
    let d_output = d_output.values::<f32>();
    if weight.dtype() == DType::BF16 {
        let weight = Read::new(weight);
        let weight = Bf16Weights::Bf16(weight.values::<bf16>());
        lobass_kernels::matmul_bf16_inputs_backward(d_output, weight, &mut dx, inputs);
    } else {
        let weight = widened(weight.clone());
        let weight = Read::new(&weight);
        let weight = Bf16Weights::F32(weight.values::<f32>());
        lobass_kernels::matmul_bf16_inputs_backward(d_output, weight, &mut dx, inputs);
    }
    tensor(dx, [rows, inputs])
}

/// The gradient with respect to the weight, `[out, in]`, in a buffer of its length.
pub(super) fn weight_backward(d_output: &Tensor<2>, x: &Tensor<2>, mut dw: Vec<f32>) -> Tensor<2> {
    let ([_, outputs], [_, inputs]) = (d_output.dims(), x.dims());
    let (d_output, x) = (Read::new(d_output), Read::new(x));
    let (d_output, x) = (d_output.values::<f32>(), x.values::<f32>());
    lobass_kernels::matmul_bf16_weights_backward(d_output, x, &mut dw, inputs);
    tensor(dw, [outputs, inputs])
}
