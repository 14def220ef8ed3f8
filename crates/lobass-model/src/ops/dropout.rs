//! Which inputs of a low-rank update training leaves out.

/// Inverted dropout of the inputs of one projection. A mask is a function of the pass, the projection, and the place, so
/// that a recomputed, resumed, or backward pass finds the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dropout {
    /// The key of the mask: two with the same key and shape are equal.
    pub(super) key: u64,
    /// The share of values that are left out.
    share: f64,
}

impl Dropout {
    /// The dropout of a parameter, known by its identity, in the pass of a seed.
    pub(crate) fn new(seed: u64, parameter: u64, share: f64) -> Self {
        Self { key: mixed(seed ^ parameter), share }
    }

    /// Whether the value at a place is kept, counted in the order of memory.
    pub(super) fn keeps(self, at: u64) -> bool {
        let uniform = (mixed(self.key.wrapping_add(at)) >> 11) as f64 / (1u64 << 53) as f64;
        uniform >= self.share
    }

    /// The factor of kept values.
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    pub(super) fn factor(self) -> f32 {
        (1.0 - self.share).recip() as f32
    }
}

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
