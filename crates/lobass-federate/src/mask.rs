//! A seeded random part of the weights of a matrix.

use lobass_core::tie_break;
use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Which weights of every matrix are trained: as many as the density says, chosen at random. The choice depends on the
/// seed, the name, and the size of a matrix alone, so that a server sends no more than the seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mask {
    /// Decides the weights.
    pub seed: u64,
    /// The share of the weights of each matrix.
    pub density: f64,
}

impl Mask {
    /// Refuses a density that is no share.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is not above 0 and at most 1.
    pub fn check(&self) -> Result<(), Error> {
        match self.density > 0.0 && self.density <= 1.0 {
            true => Ok(()),
            false => Err(Error::Setting {
                what: "density",
                expected: "a share above 0 and at most 1",
                found: self.density.to_string(),
            }),
        }
    }

    /// The places of the chosen weights among the `n_values` of a matrix, ascending; at least one of a matrix that has
    /// any.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    pub fn places(&self, name: &str, n_values: usize) -> Vec<usize> {
        let n_chosen = ((self.density * n_values as f64).round() as usize).clamp(1.min(n_values), n_values);
        let mut rng = ChaCha8Rng::seed_from_u64(tie_break(name, self.seed));
        let mut places = sample(&mut rng, n_values, n_chosen).into_vec();
        places.sort_unstable();
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_function_of_seed_and_name() {
        let mask = Mask { seed: 3, density: 0.01 };
        let places = mask.places("layers.0.q_proj", 20_000);
        assert_eq!(places, mask.places("layers.0.q_proj", 20_000));
        assert_ne!(places, mask.places("layers.1.q_proj", 20_000));
        assert_ne!(places, Mask { seed: 4, ..mask }.places("layers.0.q_proj", 20_000));
        assert!((places.len() as f64 / 20_000.0 - 0.01).abs() < 1e-3);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]) && places[199] < 20_000);
        // Spread out: as many in each half, within five deviations.
        let first_half = places.iter().filter(|&&place| place < 10_000).count();
        assert!((65..=135).contains(&first_half), "{first_half}");
        assert_eq!((mask.places("a", 5).len(), mask.places("a", 0).len()), (1, 0));
        assert_eq!(Mask { seed: 0, density: 1.0 }.places("a", 3), [0, 1, 2]);
        assert!(Mask { seed: 0, density: 0.0 }.check().unwrap_err().to_string().contains("found 0"));
    }
}
