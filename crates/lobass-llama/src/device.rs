//! Where tensors live, by name.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::Error;

/// A device as a person writes it. This build knows `cpu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DeviceName {
    /// The processor, through burn's flex back end.
    #[default]
    Cpu,
}

impl DeviceName {
    /// Opens the device.
    pub fn open(self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("cpu")
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: &str| Error::Device { name: text.to_owned(), reason: reason.to_owned() };
        match text.split(':').next().unwrap_or_default() {
            "cpu" if text == "cpu" => Ok(Self::Cpu),
            "cpu" => Err(fail("the processor has no index; write `cpu`")),
            "cuda" | "vulkan" | "wgpu" => Err(fail("this build runs on `cpu` only")),
            _ => Err(fail("expected `cpu`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_device_is_an_error_and_no_fallback() {
        assert_eq!("cpu".parse::<DeviceName>().unwrap(), DeviceName::Cpu);
        for name in ["cuda", "cuda:1", "vulkan", "wgpu:0", "cpu:0", "tpu", ""] {
            let error = name.parse::<DeviceName>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }
}
