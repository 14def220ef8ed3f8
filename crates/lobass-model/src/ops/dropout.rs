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

    /// What places are added to before they are hashed, and the least hash of those that are kept: [`Self::keeps`] for a
    /// device that computes hashes in another way.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 2^53")]
    pub(super) fn key_and_bound(self) -> (u64, u64) {
        let bound = (self.share * (1u64 << 53) as f64).ceil() as u64;
        debug_assert!(bound < 1 << 53, "something is kept");
        (self.key.wrapping_add(INCREMENT), bound << 11)
    }

    /// The factor of kept values.
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    pub(super) fn factor(self) -> f32 {
        (1.0 - self.share).recip() as f32
    }
}

/// What SplitMix64 adds to a value, the factors that it multiplies with, and the shifts before and after them.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;
pub(super) const FACTORS: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];
pub(super) const SHIFTS: [usize; 3] = [30, 27, 31];

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(INCREMENT);
    let value = (value ^ (value >> SHIFTS[0])).wrapping_mul(FACTORS[0]);
    let value = (value ^ (value >> SHIFTS[1])).wrapping_mul(FACTORS[1]);
    value ^ (value >> SHIFTS[2])
}
