//! Devices by name, whether or not this machine has them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// An NVIDIA card through CUDA.
    Cuda,
    /// A card through Vulkan.
    Vulkan,
    /// A card through wgpu.
    Wgpu,
}

impl DeviceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Cuda, Self::Vulkan, Self::Wgpu];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A device: its kind, and its number if there are several, written as `cpu`, `cuda`, or `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId {
    /// Its kind.
    pub kind: DeviceKind,
    /// Its number among those of its kind, from 0.
    pub index: Option<usize>,
}

impl DeviceId {
    /// The processor.
    pub const CPU: Self = Self { kind: DeviceKind::Cpu, index: None };
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => f.pad(&format!("{}:{index}", self.kind)),
            None => f.pad(self.kind.name()),
        }
    }
}

impl FromStr for DeviceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, index) = text.split_once(':').map_or((text, None), |(kind, index)| (kind, Some(index)));
        let known = DeviceKind::ALL.into_iter().find(|known| known.name() == kind);
        let kind = known.ok_or_else(|| {
            let names = DeviceKind::ALL.map(DeviceKind::name).join(", ");
            format!("expected a device of kind {names}, found `{text}`")
        })?;
        let index = index.map(str::parse).transpose();
        let index = index.map_err(|_| format!("expected a number behind `{kind}:`, found `{text}`"))?;
        Ok(Self { kind, index })
    }
}

impl TryFrom<String> for DeviceId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(device: DeviceId) -> Self {
        device.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["cpu", "cuda", "cuda:1", "vulkan:0", "wgpu:12"] {
            assert_eq!(name.parse::<DeviceId>().unwrap().to_string(), name);
        }
        assert_eq!("cuda:1".parse::<DeviceId>().unwrap().kind, DeviceKind::Cuda);
        for bad in ["", "gpu", "cuda:", "cuda:x", "CPU"] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad}");
        }
    }
}
