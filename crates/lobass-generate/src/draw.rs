//! Random numbers that are a function of what they decide, and of nothing else.

use sha2::{Digest as _, Sha256};

/// The increment of `SplitMix64`: the golden ratio in 64 bits.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The draws of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleDraws {
    hash: [u8; 32],
}

impl SampleDraws {
    /// The draws of a row's sample.
    pub(crate) fn new(seed: u64, key: &str, sample: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(sample.to_le_bytes());
        hash.update(key.as_bytes());
        Self { hash: hash.finalize().into() }
    }

    /// The draws of one position.
    pub(crate) fn at(&self, position: usize) -> Draws {
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update((position as u64).to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        Draws(u64::from_le_bytes(*first))
    }
}

/// Draws for all tokens of the vocabulary at one position of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draws(u64);

/// 64 random bits, of which the first 53 are a number between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bits(u64);

impl Draws {
    /// The bits of a token: output number `token` of a `SplitMix64` stream.
    ///
    /// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014), `mix64` in variant 13.
    #[inline]
    pub(crate) fn of(self, token: usize) -> Bits {
        let mut z = self.0.wrapping_add((token as u64 + 1).wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Bits(z ^ (z >> 31))
    }
}

impl Bits {
    /// A number of the standard Gumbel distribution: `-ln(e)`, where `e = -ln(1 - u)` is exponential.
    pub(crate) fn gumbel(self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
        let u = ((self.0 >> 11) as f64 + 0.5) * SCALE;
        -(-(-u).ln_1p()).ln()
    }

    /// At least [`Bits::gumbel`], and computed without a logarithm: since `e >= u`, and `u` has as many leading zeros.
    #[inline]
    pub(crate) fn gumbel_at_most(self) -> f64 {
        f64::from((self.0 | (1 << 10)).leading_zeros() + 1) * std::f64::consts::LN_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_name_counts() {
        let base = SampleDraws::new(0, "row", 0).at(0).of(0);
        let others = [
            SampleDraws::new(1, "row", 0).at(0).of(0),
            SampleDraws::new(0, "wor", 0).at(0).of(0),
            SampleDraws::new(0, "row", 1).at(0).of(0),
            SampleDraws::new(0, "row", 0).at(1).of(0),
            SampleDraws::new(0, "row", 0).at(0).of(1),
        ];
        assert!(others.iter().all(|other| *other != base));
        assert_eq!(SampleDraws::new(0, "row", 0).at(0).of(0), base);
    }

    #[test]
    fn the_bound_is_one() {
        for word in [0, 1, 1 << 10, 1 << 11, 1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX] {
            let bits = Bits(word);
            assert!(bits.gumbel() <= bits.gumbel_at_most(), "{word:x}");
        }
        for token in 0..100_000 {
            let bits = Draws(7).of(token);
            assert!(bits.gumbel() <= bits.gumbel_at_most());
        }
    }

    /// Mean and variance of the standard Gumbel distribution: Euler's constant, and pi^2 / 6.
    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|token| Draws(3).of(token).gumbel()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        let expected = std::f64::consts::PI.powi(2) / 6.0;
        assert!((mean - 0.577_215_7).abs() < 4.0 * (expected / n as f64).sqrt(), "{mean}");
        assert!((variance - expected).abs() < 0.03, "{variance}");
    }
}
