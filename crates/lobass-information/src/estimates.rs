//! Entropies and usable information of many rows.

use lobass_evidence::{Bootstrap, Draws, Estimate, Ratio};
use serde::Serialize;

use crate::{Losses, pvi};

/// Fewer rows get no interval: as few do not show how far others would be apart.
pub const MIN_ROWS: usize = 10;

/// A quantity in bits. The ends of intervals of fewer than [`MIN_ROWS`] rows are NaN, in JSON null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bits {
    /// The mean over rows; a row counts once, however long its response is.
    pub per_row: Estimate,
    /// The sum over rows divided by that of their scored tokens.
    pub per_token: Estimate,
}

/// What prompts tell a model about responses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Information {
    /// Rows.
    pub n_rows: usize,
    /// Scored tokens of these rows.
    pub n_scored: u64,
    /// Trainings of the two models, by other seeds.
    pub n_trials: usize,
    /// `H(Y)`: the loss without prompts, under the null model.
    pub entropy: Bits,
    /// `H(Y|X)`: the loss after prompts, under the reference.
    pub conditional: Bits,
    /// `I_V(X -> Y) = H(Y) - H(Y|X)`: the information of prompts that such a model can use. It can be below zero.
    pub usable: Bits,
    /// The share of rows whose [`pvi`] is below zero: their prompts mislead the model.
    pub below_zero: Estimate,
}

/// The entropies and the usable information of rows.
///
/// Intervals resample rows and, of several trials, also trials, as [`Bootstrap`] says. Both models of a trial are drawn
/// together, and both losses of a row.
///
/// # Shapes
/// - `trials`: `[trial][row]`, the same rows in each trial, at least one of each
pub fn information(trials: &[Vec<Losses>], bootstrap: &Bootstrap) -> Information {
    let drawn = Drawn::of(trials, bootstrap);
    let rows = trials.first().map_or(&[][..], Vec::as_slice);
    let estimate = |draws: &Draws| estimate(draws, rows.len(), bootstrap);
    let bits = |of: fn(&[Draws; 2]) -> Draws| Bits {
        per_row: estimate(&of(&drawn.per_row)),
        per_token: estimate(&of(&drawn.per_token)),
    };
    let below =
        draws(trials, bootstrap, |row| Ratio { sum: f64::from(u8::from(pvi(row) < 0.0)), count: 1.0 });
    Information {
        n_rows: rows.len(),
        n_scored: rows.iter().map(|row| u64::from(row.n_scored)).sum(),
        n_trials: trials.len(),
        entropy: bits(|[null, _]| null.clone()),
        conditional: bits(|[_, reference]| reference.clone()),
        usable: bits(|[null, reference]| null.minus(reference)),
        below_zero: estimate(&below),
    }
}

/// The usable information that was lost from one version of the rows to another, in bits. The same rows are drawn for both.
///
/// # Shapes
/// - `before`, `after`: `[trial][row]`, the same rows in the same order in each trial, at least one of each
///
/// # Panics
/// If the two have other numbers of rows.
pub fn lost(before: &[Vec<Losses>], after: &[Vec<Losses>], bootstrap: &Bootstrap) -> Bits {
    let n_rows = |trials: &[Vec<Losses>]| trials.first().map_or(0, Vec::len);
    let n_before = n_rows(before);
    assert_eq!(n_before, n_rows(after), "the same rows before and after");
    let [before, after] = [before, after].map(|trials| Drawn::of(trials, bootstrap));
    let usable = |[null, reference]: &[Draws; 2]| null.minus(reference);
    let lost = |before: &[Draws; 2], after: &[Draws; 2]| {
        estimate(&usable(before).minus(&usable(after)), n_before, bootstrap)
    };
    Bits {
        per_row: lost(&before.per_row, &after.per_row),
        per_token: lost(&before.per_token, &after.per_token),
    }
}

/// The interval of a quantity over so many rows.
fn estimate(draws: &Draws, n_rows: usize, bootstrap: &Bootstrap) -> Estimate {
    match n_rows {
        ..MIN_ROWS => Estimate { value: draws.value, low: f64::NAN, high: f64::NAN },
        _ => bootstrap.estimate(draws),
    }
}

/// Draws of the losses in bits without and with prompts.
struct Drawn {
    per_row: [Draws; 2],
    per_token: [Draws; 2],
}

impl Drawn {
    fn of(trials: &[Vec<Losses>], bootstrap: &Bootstrap) -> Self {
        let per = |count: fn(&Losses) -> f64| {
            [Losses::null_bits, Losses::reference_bits]
                .map(|bits| draws(trials, bootstrap, |row| Ratio { sum: bits(row), count: count(row) }))
        };
        Self { per_row: per(|_| 1.0), per_token: per(|row| f64::from(row.n_scored)) }
    }
}

/// Draws of a quantity. All quantities have the same rows and the same trials in the same resample.
fn draws(trials: &[Vec<Losses>], bootstrap: &Bootstrap, of: impl Fn(&Losses) -> Ratio) -> Draws {
    let ratios: Vec<Vec<Ratio>> = trials.iter().map(|rows| rows.iter().map(&of).collect()).collect();
    bootstrap.draws(&ratios, 0)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use proptest::prelude::*;

    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { n_resamples: 200, level: 0.95, seed: 3 };

    fn row(null: f64, reference: f64, n_scored: u32) -> Losses {
        Losses { null: null * LN_2, reference: reference * LN_2, n_scored }
    }

    #[test]
    fn two_trainings_by_hand() {
        let one = vec![row(8.0, 4.0, 4), row(2.0, 3.0, 1)];
        let other = vec![row(10.0, 4.0, 4), row(2.0, 1.0, 1)];
        let found = information(&[one, other], &BOOTSTRAP);
        assert_eq!((found.n_rows, found.n_scored, found.n_trials), (2, 5, 2));
        let close = |found: Estimate, expected: f64| {
            assert!((found.value - expected).abs() < 1e-12, "{found:?} {expected}");
        };
        close(found.entropy.per_row, 5.5);
        close(found.conditional.per_row, 3.0);
        close(found.usable.per_row, 2.5);
        close(found.usable.per_token, 1.0);
        close(found.below_zero, 0.25);
    }

    #[test]
    fn few_rows_have_a_value_and_no_interval() {
        let rows: Vec<Losses> = (0..10).map(|at| row(20.0 + f64::from(at), f64::from(at % 7), 2)).collect();
        let few = information(&[rows[..9].to_vec()], &BOOTSTRAP);
        for found in [few.entropy.per_row, few.usable.per_token, few.below_zero] {
            assert!(found.value.is_finite() && found.low.is_nan() && found.high.is_nan(), "{found:?}");
        }
        let enough = information(&[rows], &BOOTSTRAP).usable.per_row;
        assert!(enough.low < enough.value && enough.value < enough.high, "{enough:?}");
    }

    #[test]
    fn a_change_that_costs_every_row_the_same_has_no_spread() {
        let before: Vec<Losses> = (0..20).map(|at| row(20.0 + f64::from(at), f64::from(at % 7), 2)).collect();
        let after: Vec<Losses> =
            before.iter().map(|row| Losses { reference: row.reference + 3.0 * LN_2, ..*row }).collect();
        let found = lost(&[before], &[after], &BOOTSTRAP);
        for end in [found.per_row.low, found.per_row.value, found.per_row.high] {
            assert!((end - 3.0).abs() < 1e-9, "{found:?}");
        }
        assert!((found.per_token.value - 1.5).abs() < 1e-9);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn usable_information_is_the_mean_of_pointwise_information(
            trials in (1usize..20).prop_flat_map(|n| prop::collection::vec(
                prop::collection::vec((0f64..50.0, 0f64..50.0, 1u32..9), n..=n), 1..4)),
        ) {
            let trials: Vec<Vec<Losses>> = trials
                .into_iter()
                .map(|rows| rows.into_iter().map(|(null, reference, n)| row(null, reference, n)).collect())
                .collect();
            let found = information(&trials, &BOOTSTRAP);
            let all = || trials.iter().flatten();
            let n = all().count() as f64;
            prop_assert!((found.usable.per_row.value - all().map(pvi).sum::<f64>() / n).abs() < 1e-9);
            let below = all().filter(|row| pvi(row) < 0.0).count() as f64 / n;
            prop_assert!((found.below_zero.value - below).abs() < 1e-12);
            let nothing = lost(&trials, &trials, &BOOTSTRAP);
            prop_assert_eq!(nothing.per_row.value, 0.0);
            if trials[0].len() < MIN_ROWS {
                prop_assert!(nothing.per_row.low.is_nan() && found.below_zero.high.is_nan());
                return Ok(());
            }
            for bits in [found.entropy, found.conditional, found.usable] {
                prop_assert!(bits.per_row.low <= bits.per_row.high && bits.per_token.low <= bits.per_token.high);
            }
            prop_assert_eq!((nothing.per_row.low, nothing.per_row.high), (0.0, 0.0));
        }
    }
}
