//! Where tensors live, by name.

mod gpu;
mod trial;

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
pub use gpu::{Backend, Gpu};
pub use trial::Trial;

use crate::{Dtype, Error};

/// An existing device, by name: `cpu`, or a graphics card as `cuda:0`, `vulkan:0`, or `wgpu:0`.
///
/// `parse` reads a name and asks the driver for the card. A card that does not exist, or that this build has no back
/// end for, is an error before anything is computed. So opening a device cannot fail. A driver may list a card that
/// cannot compute; [`DeviceName::trial`] finds out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceName {
    /// The processor, through burn's flex back end.
    #[default]
    Cpu,
    /// A graphics card.
    Gpu(Gpu),
}

impl DeviceName {
    /// Opens the device.
    pub fn open(&self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
            Self::Gpu(gpu) => gpu.open(),
        }
    }

    /// Every device that this build finds: the processor, and the cards of each back end.
    pub fn all() -> Vec<Self> {
        let cards = Backend::ALL.into_iter().flat_map(Gpu::all).map(Self::Gpu);
        std::iter::once(Self::Cpu).chain(cards).collect()
    }

    /// Whether models can be held in a number format. Asking a card opens it.
    pub fn supports(&self, dtype: Dtype) -> bool {
        match self {
            Self::Cpu => true, // half precision is widened where it is used
            Self::Gpu(_) => self.open().supports_dtype(crate::dtype::to_burn(dtype)),
        }
    }

    /// The number formats that models can be held in. Asking a card opens it.
    pub fn dtypes(&self) -> Vec<Dtype> {
        Dtype::ALL.into_iter().filter(|&dtype| self.supports(dtype)).collect()
    }

    /// The default number format of a model: `bf16` on cards that compute in it, `f32` through wgpu, whose shaders lack
    /// it, and on the processor. Asking a card opens it.
    pub fn default_dtype(&self) -> Dtype {
        match self {
            Self::Gpu(gpu) if gpu.backend() != Backend::Wgpu && self.supports(Dtype::Bf16) => Dtype::Bf16,
            _ => Dtype::F32,
        }
    }

    /// Checks that models can be held in a number format.
    ///
    /// # Errors
    /// [`Error::Device`], naming the device, the format, and those that it has.
    pub fn check(&self, dtype: Dtype) -> Result<(), Error> {
        if self.supports(dtype) {
            return Ok(());
        }
        let known: Vec<String> = self.dtypes().iter().map(Dtype::to_string).collect();
        let reason =
            format!("expected a number format that it computes in ({}), found {dtype}", known.join(", "));
        Err(Error::Device { name: self.to_string(), reason })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Gpu(gpu) => f.pad(&gpu.to_string()),
        }
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: String| Err(Error::Device { name: text.to_owned(), reason });
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index)),
            None => (text, None),
        };
        if kind == "cpu" {
            return match index {
                None => Ok(Self::Cpu),
                Some(_) => fail("the processor has no index; write `cpu`".to_owned()),
            };
        }
        let Some(backend) = Backend::ALL.into_iter().find(|backend| backend.name() == kind) else {
            return fail("expected cpu, cuda, vulkan, or wgpu".to_owned());
        };
        let index = index.map_or(Ok(0), str::parse::<usize>);
        let Ok(index) = index else {
            return fail(format!("expected the number of a card, as in `{kind}:0`"));
        };
        Gpu::find(backend, index).map(Self::Gpu).or_else(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none() {
        assert_eq!("cpu".parse::<DeviceName>().unwrap(), DeviceName::Cpu);
        for name in ["cpu:0", "tpu", "", "cuda:", "cuda:x", "wgpu:-1", "vulkan:0:0"] {
            let error = name.parse::<DeviceName>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_and_no_fallback() {
        for backend in Backend::ALL {
            let name = format!("{}:4096", backend.name());
            let error = name.parse::<DeviceName>().unwrap_err().to_string();
            let hint = format!("--features {}", backend.name());
            assert_eq!(error.contains(&hint), !backend.is_built(), "{error}");
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn the_processor_holds_every_format_and_computes() {
        assert_eq!(DeviceName::Cpu.dtypes(), Dtype::ALL);
        assert_eq!(DeviceName::Cpu.default_dtype(), Dtype::F32);
        assert_eq!(DeviceName::Cpu.trial().unwrap().dtypes, Dtype::ALL);
        assert_eq!(DeviceName::all()[0], DeviceName::Cpu);
    }
}
