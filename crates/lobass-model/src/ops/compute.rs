//! How a model computes, chosen once.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use lobass_kernels::AdamW;

use super::contract::{Concurrency, Ops};
use super::device::DeviceOps;
use super::host::HostOps;

/// How a model computes: with kernels on slices where its device's memory is the processor's, with tensor operations
/// elsewhere.
#[derive(Debug, Clone)]
pub struct Compute(Arc<dyn Ops>);

impl Compute {
    /// The operations of a device. This is the one place that asks which kind of device it is.
    pub(crate) fn of(device: &Device) -> Self {
        let is_host = *device == Device::flex();
        if is_host { Self(Arc::new(HostOps)) } else { Self(Arc::new(DeviceOps::new(device))) }
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
