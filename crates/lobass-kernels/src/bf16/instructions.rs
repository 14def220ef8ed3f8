//! Which instructions multiply, and whether they are there.

use std::fmt;
use std::sync::OnceLock;

use half::bf16;

use super::portable;

/// The instructions that a product of bf16 is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bf16Instructions {
    /// `f32` arithmetic on rounded activations and widened weights, on any processor.
    Portable,
}

impl Bf16Instructions {
    /// All that there are, the fastest first.
    pub const ALL: [Self; 1] = [Self::Portable];

    /// The fastest that are available.
    pub fn detected() -> Self {
        static DETECTED: OnceLock<Bf16Instructions> = OnceLock::new();
        *DETECTED
            .get_or_init(|| Self::ALL.into_iter().find(|one| one.is_available()).unwrap_or(Self::Portable))
    }

    /// Whether this processor has them, and the operating system lets this process use them.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
        }
    }

    pub(super) fn multiply(self, x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize) {
        match self {
            Self::Portable => portable::multiply(x, w, y, inputs),
        }
    }
}

impl fmt::Display for Bf16Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
        })
    }
}
