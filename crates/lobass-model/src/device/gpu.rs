//! Graphics cards, and the ways to them.

use std::fmt;

use burn::tensor::Device;
#[cfg(feature = "gpu")]
use burn::tensor::DeviceType;

/// A way to graphics cards, with the name of its Cargo feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// NVIDIA's own.
    Cuda,
    /// Any card with a Vulkan driver, with kernels in SPIR-V.
    Vulkan,
    /// Any card that wgpu reaches, with kernels in WGSL.
    Wgpu,
}

impl Backend {
    /// All of them, in the order in which they are recommended.
    pub const ALL: [Self; 3] = [Self::Cuda, Self::Vulkan, Self::Wgpu];

    /// The name in names of devices, and of the Cargo feature that it needs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }

    /// Whether this build has it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// The files that it needs to find a card.
    fn needs(self) -> &'static str {
        match self {
            Self::Cuda => "an NVIDIA card and its driver (libcuda.so.1)",
            Self::Vulkan => "a card with a Vulkan driver, and the Vulkan loader (libvulkan.so.1)",
            Self::Wgpu => {
                "a card with a driver for Vulkan, Metal, or DirectX 12; on Linux also the Vulkan loader \
                 (libvulkan.so.1)"
            }
        }
    }
}

/// A graphics card that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    backend: Backend,
    index: usize,
    device: Device,
}

impl Gpu {
    /// Asks the driver for a card by its number, or says why there is none.
    pub(super) fn find(backend: Backend, index: usize) -> Result<Self, String> {
        if !backend.is_built() {
            return Err(not_built(backend));
        }
        let mut found = Self::all(backend);
        match found.len() {
            0 => Err(format!("expected {}, found none", backend.needs())),
            count if index >= count => Err(format!("expected a number below {count}, the cards found")),
            _ => {
                toolkit(backend)?;
                Ok(found.swap_remove(index))
            }
        }
    }

    /// The cards of a back end, in the order of their numbers; none if this build does not have it.
    pub(super) fn all(backend: Backend) -> Vec<Self> {
        let of = |(index, device)| Self { backend, index, device };
        devices(backend).into_iter().enumerate().map(of).collect()
    }

    /// The way to it.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    pub(super) fn open(&self) -> Device {
        self.device.clone()
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.backend.name(), self.index))
    }
}

fn not_built(backend: Backend) -> String {
    let built = Backend::ALL.into_iter().filter(|backend| backend.is_built()).map(Backend::name);
    let built: Vec<&str> = std::iter::once("cpu").chain(built).collect();
    format!(
        "this build has {}; `cargo build --release -p lobass-cli --features {}` makes one that has it",
        built.join(" and "),
        backend.name()
    )
}

/// The devices that burn finds. burn panics on a separate thread for a device that it cannot open, so it never gets
/// another one.
fn devices(backend: Backend) -> Vec<Device> {
    match backend {
        #[cfg(feature = "cuda")]
        Backend::Cuda => Device::enumerate(DeviceType::Cuda).into_vec(),
        #[cfg(feature = "vulkan")]
        Backend::Vulkan => software_last(
            Device::enumerate(DeviceType::Vulkan).into_vec(),
            &Device::vulkan(burn::tensor::DeviceKind::Cpu),
        ),
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => software_last(
            Device::enumerate(DeviceType::Wgpu).into_vec(),
            &Device::wgpu(burn::tensor::DeviceKind::Cpu),
        ),
        #[allow(unreachable_patterns, reason = "reached by builds that lack a back end")]
        _ => Vec::new(),
    }
}

/// Number 0 is a card, if there is one.
#[cfg(any(feature = "vulkan", feature = "wgpu"))]
fn software_last(mut devices: Vec<Device>, software: &Device) -> Vec<Device> {
    devices.sort_by_key(|device| device == software);
    devices
}

/// Checks for what kernels of this build are compiled with when they are first needed.
#[cfg(feature = "cuda-nvrtc")]
fn toolkit(backend: Backend) -> Result<(), String> {
    if backend == Backend::Cuda && cubecl::cuda::install::cuda_path().is_none() {
        return Err(
            "expected the headers of the CUDA toolkit, which this build compiles its kernels with, in \
                    $CUDA_PATH or /usr/local/cuda, found none"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(not(feature = "cuda-nvrtc"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails in other builds")]
fn toolkit(_: Backend) -> Result<(), String> {
    Ok(())
}
