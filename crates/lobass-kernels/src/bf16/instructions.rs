//! Which instructions multiply, and whether they are there.

use std::fmt;
use std::sync::OnceLock;

use super::packed::Multiply;
use super::portable::Portable;
use super::rounded::{MultiplyRounded, PortableRounded};

/// The instructions that a product of bf16 is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bf16Instructions {
    /// Tiles of bf16, AMX-BF16, on x86-64 with Linux.
    Amx,
    /// Vectors of pairs of bf16, AVX512-BF16, on x86-64.
    Avx512,
    /// `f32` arithmetic on rounded activations and widened weights, on any processor.
    Portable,
}

impl Bf16Instructions {
    /// All that there are, the fastest first.
    pub const ALL: [Self; 3] = [Self::Amx, Self::Avx512, Self::Portable];

    /// The fastest that are available.
    pub fn detected() -> Self {
        static DETECTED: OnceLock<Bf16Instructions> = OnceLock::new();
        let detect = || Self::ALL.into_iter().find(|one| one.is_available()).unwrap_or(Self::Portable);
        *DETECTED.get_or_init(detect)
    }

    /// Whether this processor has them, and the operating system lets this process use them.
    ///
    /// Linux is asked for the permission to use tiles when this is called for the first time.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => super::amx::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::avx512::is_available(),
            _ => self == Self::Portable,
        }
    }

    /// Whether products of [three parts](super::Bf16Parts::Three) are faster than products in `f32`. With AMX one product in
    /// bf16 is four to ten times as fast as one in `f32`; with AVX512-BF16 it is twice as fast.
    pub fn gain_from_parts(self) -> bool {
        self == Self::Amx
    }

    /// The multiplier that uses them on this thread.
    ///
    /// # Panics
    /// If they are not available.
    pub(super) fn expected(self) -> Box<dyn Multiply> {
        let multiply = self.multiply();
        multiply.unwrap_or_else(|| panic!("this processor, or its operating system, has no {self}"))
    }

    /// As [`Bf16Instructions::expected`], for products of which both sides are rounded.
    ///
    /// # Panics
    /// If the instructions are not available.
    pub(super) fn expected_rounded(self) -> Box<dyn MultiplyRounded> {
        let multiply = self.multiply_rounded();
        multiply.unwrap_or_else(|| panic!("this processor, or its operating system, has no {self}"))
    }

    fn multiply_rounded(self) -> Option<Box<dyn MultiplyRounded>> {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => Some(super::rounded::multiply(super::amx::kernel()?)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Some(super::rounded::multiply(super::avx512::kernel()?)),
            _ => (self == Self::Portable).then(|| Box::new(PortableRounded) as Box<dyn MultiplyRounded>),
        }
    }

    fn multiply(self) -> Option<Box<dyn Multiply>> {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => Some(super::by_rows::multiply(super::amx::kernel()?)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Some(super::blocks::multiply(super::avx512::kernel()?)),
            _ => (self == Self::Portable).then(|| Box::new(Portable) as Box<dyn Multiply>),
        }
    }
}

impl fmt::Display for Bf16Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amx => "amx-bf16",
            Self::Avx512 => "avx512-bf16",
            Self::Portable => "portable",
        })
    }
}
