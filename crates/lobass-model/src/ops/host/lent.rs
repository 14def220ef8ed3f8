//! Values of tensors as slices.
//!
//! The CPU back end hands a tensor's buffer out and takes it back without a copy as long as no other tensor shares
//! it. Kernels that read or write slices go through here.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Device, Element, Shape, Tensor, TensorData, bf16, f16};
use bytemuck::Pod;

use super::buffers::{buffer, keep};

/// A tensor's values, taken out of it.
#[derive(Debug)]
pub(super) struct Lent {
    values: Vec<f32>,
    shape: Shape,
}

impl Lent {
    /// Takes the values out of an `f32` tensor; copies them only if they are shared or not in one piece.
    ///
    /// # Panics
    /// If the tensor is of another dtype.
    pub(super) fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.shape();
        let values = tensor.into_data().try_into_vec::<f32>().expect("activations are f32");
        Self { values, shape }
    }

    /// Takes the values out of a tensor that nobody else has; of another one nothing.
    pub(super) fn unshared<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let shape = tensor.shape();
        let tensor = tensor.try_into_primitive::<Flex>().ok().filter(FlexTensor::is_unique)?;
        let values = tensor.into_data().try_into_vec::<f32>().ok()?;
        Some(Self { values, shape })
    }

    /// The values, in row-major order.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed in place.
    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The values, for good.
    pub(super) fn into_values(mut self) -> Vec<f32> {
        std::mem::take(&mut self.values)
    }

    /// Gives the values back as a tensor of the same shape.
    pub(super) fn back<const D: usize>(mut self) -> Tensor<D> {
        let values = std::mem::take(&mut self.values);
        Tensor::from_data(TensorData::new(values, self.shape.clone()), &Device::flex())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.values));
    }
}

/// A tensor's values, to be read where they are.
#[derive(Debug)]
pub(super) struct Read(FlexTensor);

impl Read {
    /// Looks at a tensor; copies its values only if they are not in one piece.
    ///
    /// # Panics
    /// If the tensor is on another device.
    pub(super) fn new<const D: usize>(tensor: &Tensor<D>) -> Self {
        let tensor = tensor.clone().try_into_primitive::<Flex>().expect("the device is the processor");
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// The values, in row-major order.
    ///
    /// # Panics
    /// If the tensor is of another dtype.
    pub(super) fn values<E: Element + Pod>(&self) -> &[E] {
        let layout = self.0.layout();
        let start = layout.start_offset();
        &self.0.storage::<E>()[start..start + layout.num_elements()]
    }
}

/// A tensor of values.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Widens weights of half precision to `f32`; others are handed back as they are.
pub(super) fn widened(weight: Tensor<2>) -> Tensor<2> {
    let shape = weight.dims();
    let dtype = weight.dtype();
    if dtype == DType::F32 {
        return weight;
    }
    let (weight, mut values) = (Read::new(&weight), buffer(shape[0] * shape[1]));
    match dtype {
        DType::BF16 => lobass_kernels::widen_bf16(weight.values::<bf16>(), &mut values),
        _ => lobass_kernels::widen_f16(weight.values::<f16>(), &mut values),
    }
    tensor(values, shape)
}

#[cfg(test)]
mod tests {
    use super::super::buffers::SMALLEST;
    use super::*;

    #[test]
    fn the_buffer_of_a_tensor_comes_back_unless_it_is_shared() {
        let large = buffer(SMALLEST * 2);
        let at = large.as_ptr();
        drop(Lent::unshared(tensor(large, [SMALLEST * 2])));
        let again = buffer(SMALLEST + 1);
        assert_eq!(again.as_ptr(), at);
        let shared = tensor(again, [SMALLEST + 1]);
        drop(Lent::unshared(shared.clone()));
        let other = buffer(SMALLEST + 1);
        assert_ne!(other.as_ptr(), at, "the tensor still has that buffer");
        assert_eq!(shared.dims(), [SMALLEST + 1]);
    }
}
