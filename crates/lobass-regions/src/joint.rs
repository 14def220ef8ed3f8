//! Intervals that hold for all regions together.

use lobass_evidence::{Draws, quantile};

/// The standard deviation of the draws of a quantity around their mean.
pub(crate) fn standard_error(draws: &Draws) -> f64 {
    let n = draws.resampled.len() as f64;
    let mean = draws.resampled.iter().sum::<f64>() / n;
    (draws.resampled.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// The largest distance from its value, in standard errors, that any region has in each resample.
#[derive(Debug, Default)]
pub(crate) struct Largest(Vec<f64>);

impl Largest {
    /// Adds a region. One without any spread is never apart.
    pub(crate) fn add(&mut self, draws: &Draws, error: f64) {
        self.0.resize(draws.resampled.len(), 0.0);
        if error > 0.0 {
            for (largest, value) in self.0.iter_mut().zip(&draws.resampled) {
                *largest = largest.max((value - draws.value).abs() / error);
            }
        }
    }

    /// Standard errors on either side that cover all regions in this share of the resamples; NaN without regions.
    ///
    /// Source: bands by the largest studentized distance, as in Montiel Olea and Plagborg-Møller, 2019.
    pub(crate) fn width(mut self, level: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        quantile(&self.0, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let draws = |value: f64, resampled: [f64; 4]| Draws { value, resampled: resampled.to_vec() };
        let one = draws(1.0, [0.0, 2.0, 0.0, 2.0]);
        assert_eq!(standard_error(&one), 1.0);
        let mut largest = Largest::default();
        largest.add(&one, 1.0);
        largest.add(&draws(0.0, [3.0, 0.0, 0.0, -6.0]), 3.0);
        largest.add(&draws(5.0, [5.0; 4]), 0.0);
        // One by one: 1, 1, 1, 2.
        assert_eq!(largest.width(1.0), 2.0);
        assert!(Largest::default().width(0.95).is_nan());
    }
}
