//! Random projection that keeps products, without its matrix.

use lobass_loss::Workers;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A random projection of gradients to fewer values.
///
/// Every output is the sum of all inputs with random signs, divided by `sqrt(dim)`. The product of two projected
/// vectors is an estimate of the product of the vectors. Its standard error is at most `sqrt(2 / dim)` of the product
/// of their lengths: 0.016 for 8192. The signs are those of `ChaCha8` under the seed, a stream for each output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// Decides the signs.
    pub seed: u64,
    /// Values after it; `None` leaves vectors unchanged.
    pub dim: Option<usize>,
}

/// Inputs whose signs are in memory at once, a multiple of the bits of a word.
const INPUTS: usize = if cfg!(test) { 64 } else { 4096 };
/// Outputs whose signs are in memory at once, for each thread: with [`INPUTS`] 2 MiB of them.
const OUTPUTS: usize = if cfg!(test) { 3 } else { 128 };

impl Projection {
    /// The length of a projected vector of `n_values` values.
    pub fn width(self, n_values: usize) -> usize {
        self.dim.unwrap_or(n_values)
    }

    /// Projects vectors of one length. A result is a function of its vector alone, to the bit.
    ///
    /// The time is that of `vectors * length * dim` additions, and of making `length * dim` signs. All vectors of a
    /// call share the signs, so pass some dozens of them.
    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    pub fn project(self, vectors: Vec<Vec<f32>>, workers: &Workers) -> Vec<Vec<f32>> {
        let (Some(dim), Some(length)) = (self.dim, vectors.first().map(Vec::len)) else { return vectors };
        let blocks: Vec<usize> = (0..dim.div_ceil(OUTPUTS)).collect();
        let scale = (dim as f64).sqrt().recip();
        // For each block of outputs all vectors.
        let sums = workers.run(&blocks, |block| {
            let outputs = block * OUTPUTS..dim.min((block + 1) * OUTPUTS);
            let width = outputs.len();
            let mut sums = vec![0.0f64; vectors.len() * width];
            let mut products = vec![0.0f32; vectors.len() * width];
            for start in (0..length).step_by(INPUTS) {
                let inputs = start..length.min(start + INPUTS);
                let signs = self.signs(outputs.clone(), inputs.clone());
                let parts: Vec<f32> =
                    vectors.iter().flat_map(|vector| &vector[inputs.clone()]).copied().collect();
                lobass_kernels::project(&parts, &signs, inputs.len(), &mut products);
                sums.iter_mut().zip(&products).for_each(|(sum, &product)| *sum += f64::from(product));
            }
            sums
        });
        let of_vector = |at: usize| {
            let parts = sums.iter().flat_map(|sums| {
                let width = sums.len() / vectors.len();
                &sums[at * width..(at + 1) * width]
            });
            parts.map(|sum| (sum * scale) as f32).collect()
        };
        (0..vectors.len()).map(of_vector).collect()
    }

    /// The signs of some outputs for some inputs, `[outputs, inputs]`; inputs begin at a multiple of [`INPUTS`].
    fn signs(self, outputs: std::ops::Range<usize>, inputs: std::ops::Range<usize>) -> Vec<f32> {
        let mut signs = Vec::with_capacity(outputs.len() * inputs.len());
        for output in outputs {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(output as u64);
            rng.set_word_pos((inputs.start / 32) as u128);
            for start in inputs.clone().step_by(32) {
                let bits = rng.next_u32();
                let count = (inputs.end - start).min(32);
                signs.extend((0..count).map(|bit| if bits >> bit & 1 == 0 { -1.0f32 } else { 1.0 }));
            }
        }
        signs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One sign after the other.
    fn plainly(projection: Projection, vector: &[f32]) -> Vec<f64> {
        let Some(dim) = projection.dim else { return vector.iter().copied().map(f64::from).collect() };
        let output = |output: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(projection.seed);
            rng.set_stream(output as u64);
            let words: Vec<u32> = (0..vector.len().div_ceil(32)).map(|_| rng.next_u32()).collect();
            let signed = |(at, &value): (usize, &f32)| {
                if words[at / 32] >> (at % 32) & 1 == 0 { -f64::from(value) } else { f64::from(value) }
            };
            vector.iter().enumerate().map(signed).sum::<f64>() / (dim as f64).sqrt()
        };
        (0..dim).map(output).collect()
    }

    /// Values within a half, on a grid that f32 holds.
    fn vector(seed: u64, length: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut value = || f32::from(u16::try_from(rng.next_u32() >> 16).unwrap()) / 65536.0 - 0.5;
        (0..length).map(|_| value()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn blocks_are_the_plain_sum(
            length in 1usize..300, dim in prop::option::of(1usize..20), seed: u64, n in 1usize..5, threads in 1usize..4,
        ) {
            let projection = Projection { seed, dim };
            let vectors: Vec<_> = (0..n as u64).map(|at| vector(seed ^ at, length)).collect();
            let found = projection.project(vectors.clone(), &Workers::new(threads));
            for (vector, found) in vectors.iter().zip(&found) {
                let alone = projection.project(vec![vector.clone()], &Workers::new(1));
                prop_assert_eq!(&alone[0], found, "alone");
                let expected = plainly(projection, vector);
                prop_assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{} {}", found, expected);
                }
            }
        }
    }

    #[test]
    fn products_are_kept_within_the_error_that_is_stated() {
        let dot = |left: &[f32], right: &[f32]| -> f64 {
            left.iter().zip(right).map(|(&left, &right)| f64::from(left) * f64::from(right)).sum()
        };
        let unit = |mut vector: Vec<f32>| {
            let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            for value in &mut vector {
                *value /= norm;
            }
            vector
        };
        let dim = 1024;
        let workers = Workers::new(2);
        let mut errors = Vec::new();
        for seed in 0..60 {
            let one = unit(vector(2 * seed, 700));
            // From hardly alike to nearly the same.
            let mixed = vector(2 * seed + 1, 700).into_iter().zip(&one);
            let other = unit(mixed.map(|(value, one)| value + seed as f32 / 8.0 * one).collect());
            let exact = dot(&one, &other);
            let projected = Projection { seed, dim: Some(dim) }.project(vec![one, other], &workers);
            errors.push(dot(&projected[0], &projected[1]) - exact);
        }
        let n = errors.len() as f64;
        let deviation = (errors.iter().map(|error| error * error).sum::<f64>() / n).sqrt();
        let bound = (2.0 / dim as f64).sqrt();
        assert!(deviation <= 1.25 * bound, "{deviation} against {bound}");
        let mean = errors.iter().sum::<f64>() / n;
        assert!(mean.abs() < 4.0 * bound / n.sqrt(), "unbiased: {mean}");
        assert!(errors.iter().any(|error| error.abs() > 1e-4), "a projection has to lose something");
    }
}
