//! How many hashes make a band, and how many bands there are.

use crate::Error;

/// Hash functions at most.
const N_HASHES: usize = 128;
/// How many of the pairs that are just similar enough may be missed.
const MAX_MISSED: f64 = 0.01;
/// The least similarity that can be searched for.
const LEAST: f64 = 0.1;

/// Two texts are candidates if all hashes of a band agree, in any of the bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// Number of bands.
    pub bands: usize,
    /// Hashes in each of them.
    pub rows: usize,
}

impl Bands {
    /// The longest bands, of 128 hashes in all, that miss at most 1 % of the pairs whose similarity is exactly
    /// `jaccard`. Longer bands have fewer false candidates.
    ///
    /// # Errors
    /// [`Error::Jaccard`] for a similarity that is not from 0.1 to 1.
    pub fn choose(jaccard: f64) -> Result<Self, Error> {
        if !(LEAST..=1.0).contains(&jaccard) {
            return Err(Error::Jaccard { least: LEAST, found: jaccard });
        }
        let mut longest_first = (1..=N_HASHES).rev().map(|rows| Self { bands: N_HASHES / rows, rows });
        let good = longest_first.find(|bands| 1.0 - bands.probability(jaccard) <= MAX_MISSED);
        Ok(good.unwrap_or(Self { bands: N_HASHES, rows: 1 }))
    }

    /// The probability that two texts of a similarity are candidates: `1 - (1 - s^rows)^bands`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 128")]
    pub fn probability(&self, similarity: f64) -> f64 {
        1.0 - (1.0 - similarity.powi(self.rows as i32)).powi(self.bands as i32)
    }

    /// Hashes in all.
    pub(super) fn n_hashes(&self) -> usize {
        self.bands * self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_miss_little_at_the_threshold() {
        for (jaccard, bands, rows) in [(0.5, 42, 3), (0.7, 32, 4), (0.8, 21, 6), (0.9, 12, 10), (1.0, 1, 128)]
        {
            let found = Bands::choose(jaccard).unwrap();
            assert_eq!((found.bands, found.rows), (bands, rows), "{jaccard}");
        }
        for percent in 10..=100 {
            let jaccard = f64::from(percent) / 100.0;
            let bands = Bands::choose(jaccard).unwrap();
            assert!(1.0 - bands.probability(jaccard) <= MAX_MISSED, "{jaccard}: {bands:?}");
        }
        for wrong in [0.0, 0.09, 1.01, -1.0, f64::NAN] {
            assert!(Bands::choose(wrong).is_err());
        }
    }
}
