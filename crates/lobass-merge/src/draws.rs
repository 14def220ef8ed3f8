//! Random numbers that are a function of where they are needed.

use crate::recipe::MOST;

/// The increment and the mixing of `SplitMix64` (Steele, Lea, and Flood, OOPSLA 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// The draws of one tensor. Each depends on the seed, the name of the tensor, the position in it, and how many draws
/// the position has had before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    key: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let add = |key: u64, byte: &u8| mixed(key.wrapping_add(GAMMA) ^ u64::from(*byte));
        Self { key: name.as_bytes().iter().fold(mixed(seed.wrapping_add(GAMMA)), add) }
    }

    /// A number from 0 to below 1.
    pub(crate) fn uniform(self, position: u64, n_before: usize) -> f64 {
        let number = position.wrapping_mul(MOST as u64).wrapping_add(n_before as u64 + 1);
        let bits = mixed(self.key.wrapping_add(number.wrapping_mul(GAMMA)));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The index of one of some weights, drawn with a probability that is proportional to it. Weights of 0 are never
    /// drawn.
    pub(crate) fn choose(self, position: u64, n_before: usize, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        let mut left = self.uniform(position, n_before) * total;
        let mut last = 0;
        for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            left -= weight;
            last = at;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_apart() {
        let n: u32 = 40_000;
        let of = |draws: Draws, n_before| {
            (0..u64::from(n)).map(move |position| draws.uniform(position, n_before)).collect::<Vec<f64>>()
        };
        let first = of(Draws::new(7, "a"), 0);
        let others = [of(Draws::new(8, "a"), 0), of(Draws::new(7, "b"), 0), of(Draws::new(7, "a"), 1)];
        // The standard error of a mean of products of two uniform numbers is below 0.3 / sqrt(n).
        let sigma = 0.3 / f64::from(n).sqrt();
        for other in &others {
            let mean: f64 = other.iter().sum::<f64>() / f64::from(n);
            let product: f64 =
                first.iter().zip(other).map(|(one, two)| one * two).sum::<f64>() / f64::from(n);
            assert!((mean - 0.5).abs() < 4.0 * sigma, "{mean}");
            assert!((product - 0.25).abs() < 4.0 * sigma, "{product}");
        }
        let next: f64 = first.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / f64::from(n);
        assert!((next - 0.25).abs() < 4.0 * sigma, "{next}");
    }

    #[test]
    fn choices_have_the_shares_of_their_weights() {
        let (weights, n) = ([1.0, 0.0, 2.0, 5.0], 40_000_u32);
        let mut counts = [0_u32; 4];
        for position in 0..u64::from(n) {
            counts[Draws::new(3, "w").choose(position, 0, &weights)] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, weight) in counts.iter().zip(weights) {
            let share = weight / 8.0;
            let sigma = (share * (1.0 - share) / f64::from(n)).sqrt();
            assert!((f64::from(*count) / f64::from(n) - share).abs() <= 4.0 * sigma, "{counts:?}");
        }
    }
}
