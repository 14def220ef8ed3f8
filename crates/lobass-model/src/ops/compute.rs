//! How a model computes, chosen once.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use lobass_core::{Arithmetic, Dtype};
use lobass_kernels::{AdamW, Bf16Instructions, Bf16Parts};

use super::contract::{Concurrency, Ops};
use super::device::DeviceOps;
use super::host::{HostOps, gains_from_parts};

/// How a model computes: with kernels on slices where its device's memory is the processor's, with tensor operations
/// elsewhere.
#[derive(Debug, Clone)]
pub struct Compute(Arc<dyn Ops>);

impl Compute {
    /// The operations of a device. This is the one place that asks which kind of device it is.
    pub(crate) fn of(device: &Device) -> Self {
        let is_host = *device == Device::flex();
        if is_host { Self(Arc::new(HostOps::default())) } else { Self(Arc::new(DeviceOps::new(device))) }
    }

    /// The operations of a device whose products of training are in a format: `f32` on any, and bf16 on the processor.
    pub(crate) fn with_products(device: &Device, products: Dtype) -> Option<Self> {
        match products {
            Dtype::F32 => Some(Self::of(device)),
            Dtype::Bf16 if *device == Device::flex() => Some(Self(Arc::new(HostOps::rounded()))),
            Dtype::Bf16 | Dtype::F16 => None,
        }
    }

    /// The operations of the processor with another arithmetic of products.
    pub(crate) fn with_arithmetic(arithmetic: Arithmetic) -> Self {
        Self(Arc::new(match arithmetic {
            Arithmetic::Plain => HostOps::default(),
            Arithmetic::Split2 => HostOps::in_parts(Bf16Parts::Two),
            Arithmetic::Split3 => HostOps::in_parts(Bf16Parts::Three),
        }))
    }

    /// Tensor operations, on any device.
    #[cfg(test)]
    pub(crate) fn on_tensors(device: &Device) -> Self {
        Self(Arc::new(DeviceOps::new(device)))
    }

    pub(crate) fn ops(&self) -> &dyn Ops {
        &*self.0
    }

    /// How jobs run beside each other.
    pub fn concurrency(&self) -> Concurrency {
        self.0.concurrency()
    }

    /// One step of AdamW on some weights, given their gradient and the running means of gradients and of their squares;
    /// returns the new weights and means.
    ///
    /// Source: `torch.optim.AdamW`.
    pub fn adamw(
        &self,
        step: AdamW,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        means: [Tensor<1>; 2],
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        self.0.adamw(step, weights, gradient, means)
    }
}

/// Whether this processor has instructions for bf16; without them, products in bf16 are slower than in `f32`.
pub fn computes_fast_in_bf16() -> bool {
    Bf16Instructions::detected() != Bf16Instructions::Portable
}

/// Whether heads are multiplied in bf16, with activations in two parts or three. Losses of rows then differ from those of
/// a head in `f32` by some 1e-8 of them.
pub(crate) fn multiplies_heads_in_bf16(device: &Device) -> bool {
    *device == Device::flex() && gains_from_parts()
}
