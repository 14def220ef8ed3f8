//! Values of tensors as slices, on devices whose memory is the processor's.
//!
//! The CPU back end hands a tensor's buffer out and takes it back without a copy as long as no other tensor shares
//! it. Kernels that read or write slices go through here.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Device, Element, Shape, Tensor, TensorData, bf16, f16};
use bytemuck::Pod;

use crate::buffers::{buffer, keep};

/// Whether tensors of a device lie in the processor's memory, so that kernels on slices may run on them.
pub fn is_host(device: &Device) -> bool {
    *device == Device::flex()
}

/// A tensor's values, taken out of it.
#[derive(Debug)]
pub struct Lent {
    values: Vec<f32>,
    shape: Shape,
}

impl Lent {
    /// Takes the values out of an `f32` tensor; copies them only if they are shared or not in one piece.
    ///
    /// # Panics
    /// If the tensor is of another dtype.
    pub fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.shape();
        let values = tensor.into_data().try_into_vec::<f32>().expect("activations are f32");
        Self { values, shape }
    }

    /// Takes the values out of a tensor that nobody else has; of another one nothing.
    pub(crate) fn unshared<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let shape = tensor.shape();
        let tensor = tensor.try_into_primitive::<Flex>().ok().filter(FlexTensor::is_unique)?;
        let values = tensor.into_data().try_into_vec::<f32>().ok()?;
        Some(Self { values, shape })
    }

    /// The values, in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Gives the values back as a tensor of the same shape.
    pub fn back<const D: usize>(mut self, device: &Device) -> Tensor<D> {
        let values = std::mem::take(&mut self.values);
        Tensor::from_data(TensorData::new(values, self.shape.clone()), device)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.values));
    }
}

/// A tensor's values, to be read where they are.
#[derive(Debug)]
pub(crate) struct Read(FlexTensor);

impl Read {
    /// Looks at a tensor; copies its values only if they are not in one piece.
    ///
    /// # Panics
    /// If the tensor is on another device.
    pub(crate) fn new<const D: usize>(tensor: &Tensor<D>) -> Self {
        let tensor = tensor.clone().try_into_primitive::<Flex>().expect("the device is the processor");
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// The values, in row-major order.
    ///
    /// # Panics
    /// If the tensor is of another dtype.
    pub(crate) fn values<E: Element + Pod>(&self) -> &[E] {
        let layout = self.0.layout();
        let start = layout.start_offset();
        &self.0.storage::<E>()[start..start + layout.num_elements()]
    }
}

/// A tensor of values.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Widens weights of half precision to `f32`; others are handed back as they are.
pub(crate) fn widened(weight: Tensor<2>) -> Tensor<2> {
    let (device, shape) = (weight.device(), weight.dims());
    let dtype = weight.dtype();
    if dtype == DType::F32 || !is_host(&device) {
        return weight.cast(DType::F32);
    }
    let (weight, mut values) = (Read::new(&weight), buffer(shape[0] * shape[1]));
    match dtype {
        DType::BF16 => lobass_kernels::widen_bf16(weight.values::<bf16>(), &mut values),
        _ => lobass_kernels::widen_f16(weight.values::<f16>(), &mut values),
    }
    tensor(values, shape, &device)
}
