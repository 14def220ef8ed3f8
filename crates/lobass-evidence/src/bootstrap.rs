//! Intervals by resampling held-out examples and seeds.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A sum and a count, of one example under one trial: of a loss, the nats and the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ratio {
    /// The numerator.
    pub sum: f64,
    /// The denominator, above 0.
    pub count: f64,
}

/// A number and the interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Over all examples and trials.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Whether the whole interval is below zero.
    pub fn is_below_zero(&self) -> bool {
        self.high < 0.0
    }

    /// Whether the whole interval is above zero.
    pub fn is_above_zero(&self) -> bool {
        self.low > 0.0
    }
}

/// How intervals are made: a percentile bootstrap of two crossed factors, held-out examples and trials.
///
/// For every resample, as many examples as there are are drawn with replacement, the same ones for all arms, so that
/// the difference of two arms is paired by example. As many trials as an arm has are drawn with replacement. Arms whose
/// trials share their seeds draw the same ones, so that the difference is paired by seed too. The value of a resample is the
/// mean over the drawn trials of the sum over the drawn examples, divided by their count. The interval goes from one quantile
/// of the values to another.
///
/// Its limits: with few trials the spread between seeds comes out too small (by a third in variance with three, by half
/// with two), and a single trial gives no spread. Many comparisons are not corrected for. It knows nothing of held-out
/// examples of another kind.
///
/// Source: Owen, *The pigeonhole bootstrap*, arXiv 0712.1111, for resampling both factors of a crossed design.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// How often everything is drawn.
    pub n_resamples: u32,
    /// The share of values within the interval, such as 0.95.
    pub level: f64,
    /// Decides what is drawn.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { n_resamples: 2000, level: 0.95, seed: 0 }
    }
}

/// The values of a quantity: over everything, and of every resample.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Over all examples and trials.
    pub value: f64,
    /// One for each resample.
    pub resampled: Vec<f64>,
}

impl Draws {
    /// The paired difference to a quantity over the same examples.
    ///
    /// # Panics
    /// If the other was drawn another number of times.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        assert_eq!(self.resampled.len(), other.resampled.len(), "drawn as often");
        let resampled = self.resampled.iter().zip(&other.resampled).map(|(one, other)| one - other).collect();
        Self { value: self.value - other.value, resampled }
    }
}

impl Bootstrap {
    /// Checks that there is an interval.
    ///
    /// # Errors
    /// [`Error::Bootstrap`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        // The ends of an interval of 95 % would be the outermost of fewer draws.
        if self.n_resamples < 100 {
            let found = self.n_resamples.to_string();
            return Err(Error::Bootstrap { field: "n_resamples", expected: "at least 100", found });
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            let (expected, found) = ("a share between 0 and 1", self.level.to_string());
            return Err(Error::Bootstrap { field: "level", expected, found });
        }
        Ok(())
    }

    /// Draws a quantity that is the mean over trials of a ratio of sums over examples. Calls with the same `stream`, and as many
    /// trials, draw the same trials; another `stream` draws them independently. The examples are those of every other call with
    /// as many.
    ///
    /// # Shapes
    /// - `trials`: `[trial][example]`, all of one length, at least one of each, every count above 0
    pub fn draws(&self, trials: &[Vec<Ratio>], stream: u64) -> Draws {
        self.draws_together(&[trials], stream).swap_remove(0)
    }

    /// Draws several quantities over the same examples and trials: each as [`Self::draws`] draws it alone, to the bit, in
    /// little more time than one takes.
    ///
    /// # Shapes
    /// - `quantities`: `[quantity][trial][example]`, as in [`Self::draws`], all of one shape
    ///
    /// # Panics
    /// If they are of different shapes.
    pub fn draws_together(&self, quantities: &[&[Vec<Ratio>]], stream: u64) -> Vec<Draws> {
        let shape = |trials: &[Vec<Ratio>]| (trials.len(), trials.first().map_or(0, Vec::len));
        let Some(&first) = quantities.first() else { return Vec::new() };
        let (n_trials, n_examples) = shape(first);
        assert!(quantities.iter().all(|trials| shape(trials) == shape(first)), "quantities of one shape");
        let (whole, every) = (vec![1u32; n_examples], (0..n_trials).collect::<Vec<usize>>());
        let value = |trials: &&[Vec<Ratio>]| weighted(trials, &every, &whole);
        let mut draws: Vec<Draws> = quantities
            .iter()
            .map(|trials| Draws {
                value: value(trials),
                resampled: Vec::with_capacity(self.n_resamples as usize),
            })
            .collect();
        let mut weights = vec![0u32; n_examples];
        for resample in 0..u64::from(self.n_resamples) {
            self.draw_examples(resample, &mut weights);
            let chosen = self.draw_trials(resample, stream, n_trials);
            for (draws, trials) in draws.iter_mut().zip(quantities) {
                draws.resampled.push(weighted(trials, &chosen, &weights));
            }
        }
        draws
    }

    /// The middle part of some draws.
    pub fn estimate(&self, draws: &Draws) -> Estimate {
        let mut sorted = draws.resampled.clone();
        sorted.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Estimate { value: draws.value, low: quantile(&sorted, tail), high: quantile(&sorted, 1.0 - tail) }
    }

    /// How often each example is in a resample.
    fn draw_examples(&self, resample: u64, weights: &mut [u32]) {
        let mut rng = stream(self.seed, resample);
        weights.fill(0);
        for _ in 0..weights.len() {
            weights[rng.random_range(0..weights.len())] += 1;
        }
    }

    fn draw_trials(&self, resample: u64, of: u64, n_trials: usize) -> Vec<usize> {
        // The streams of examples are those of the seed itself.
        let mut rng = stream(self.seed ^ (of + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), resample);
        (0..n_trials).map(|_| rng.random_range(0..n_trials)).collect()
    }
}

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// The mean over some trials of a ratio of weighted sums.
fn weighted(trials: &[Vec<Ratio>], chosen: &[usize], weights: &[u32]) -> f64 {
    let ratio = |trial: &Vec<Ratio>| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (ratio, &weight) in trial.iter().zip(weights) {
            sum += f64::from(weight) * ratio.sum;
            count += f64::from(weight) * ratio.count;
        }
        sum / count
    };
    // Trials that are drawn twice need not be summed twice.
    let mut known: Vec<Option<f64>> = vec![None; trials.len()];
    let values = chosen.iter().map(|&at| *known[at].get_or_insert_with(|| ratio(&trials[at])));
    values.sum::<f64>() / chosen.len() as f64
}

/// A quantile of sorted numbers, interpolated between the two nearest; NaN of none.
///
/// Source: `numpy.quantile` with its default method, `linear`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the numbers' places")]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratios(values: &[f64]) -> Vec<Ratio> {
        values.iter().map(|&sum| Ratio { sum, count: 1.0 }).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_interval_is_ordered_and_within_what_there_is(
            trials in (1usize..12).prop_flat_map(|n| prop::collection::vec(
                prop::collection::vec((-5f64..5.0, 1u32..9), n..=n), 1..4)),
            seed: u64,
        ) {
            let bootstrap = Bootstrap { n_resamples: 60, level: 0.9, seed };
            let trials: Vec<Vec<Ratio>> = trials.iter().map(|trial| {
                trial.iter().map(|&(mean, count)| Ratio { sum: mean * f64::from(count), count: count.into() }).collect()
            }).collect();
            let draws = bootstrap.draws(&trials, 3);
            let estimate = bootstrap.estimate(&draws);
            let means = || trials.iter().flatten().map(|ratio| ratio.sum / ratio.count);
            let (least, most) = means().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
            prop_assert!(least - 1e-9 <= estimate.low && estimate.low <= estimate.high);
            prop_assert!(estimate.high <= most + 1e-9);
            // A quantity differs from itself by nothing if its trials are drawn alike.
            prop_assert!(draws.minus(&bootstrap.draws(&trials, 3)).resampled.iter().all(|&x| x == 0.0));
            // Quantities that are drawn together are as if drawn alone.
            let first = trials[0].clone();
            let others: Vec<Vec<Ratio>> = trials.iter().map(|_| first.clone()).collect();
            let both = bootstrap.draws_together(&[&trials, &others], 3);
            prop_assert_eq!(&both, &[draws.clone(), bootstrap.draws(&others, 3)]);
            // And scaling everything scales the interval.
            let doubled: Vec<Vec<Ratio>> = trials.iter().map(|trial| {
                trial.iter().map(|ratio| Ratio { sum: 2.0 * ratio.sum, ..*ratio }).collect()
            }).collect();
            let twice = bootstrap.estimate(&bootstrap.draws(&doubled, 3));
            prop_assert!((twice.low - 2.0 * estimate.low).abs() < 1e-9);
        }

        #[test]
        fn a_shift_of_every_example_is_found_without_spread(
            values in prop::collection::vec(-5f64..5.0, 2..30), shift in 0.1f64..2.0, seed: u64,
        ) {
            // One trial each: the pairing takes out all that examples differ by.
            let bootstrap = Bootstrap { n_resamples: 50, level: 0.95, seed };
            let moved: Vec<f64> = values.iter().map(|value| value - shift).collect();
            let difference = bootstrap
                .draws(&[ratios(&moved)], 0)
                .minus(&bootstrap.draws(&[ratios(&values)], 1));
            let estimate = bootstrap.estimate(&difference);
            prop_assert!((estimate.low + shift).abs() < 1e-9 && (estimate.high + shift).abs() < 1e-9);
        }
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&sorted, share)),
            [1.0, 1.5, 2.0, 3.0, 4.0]
        );
        assert_eq!(quantile(&[3.0], 0.3), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn the_spread_of_a_mean_is_that_of_the_textbook() {
        let values: Vec<f64> = (0..400).map(|at| f64::from(at % 20)).collect();
        let bootstrap = Bootstrap { n_resamples: 4000, level: 0.95, seed: 1 };
        let estimate = bootstrap.estimate(&bootstrap.draws(&[ratios(&values)], 0));
        // Uniform on 0..=19: variance (20^2 - 1) / 12, over 400 examples.
        let half = 1.96 * (399.0f64 / 12.0 / 400.0).sqrt();
        assert!((estimate.value - 9.5).abs() < 1e-12);
        assert!(
            (estimate.high - 9.5 - half).abs() < 0.03 && (9.5 - estimate.low - half).abs() < 0.03,
            "{estimate:?}"
        );
    }

    #[test]
    fn settings_without_an_interval_are_refused() {
        assert!(Bootstrap::default().check().is_ok());
        for (n_resamples, is_enough) in [(0, false), (1, false), (99, false), (100, true)] {
            assert_eq!(Bootstrap { n_resamples, ..Bootstrap::default() }.check().is_ok(), is_enough);
        }
        assert!(Bootstrap { level: 1.0, ..Bootstrap::default() }.check().is_err());
        assert!(Bootstrap { level: f64::NAN, ..Bootstrap::default() }.check().is_err());
    }
}
