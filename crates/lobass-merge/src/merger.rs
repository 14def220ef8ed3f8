//! The methods, on pieces of tensors.

use half::{bf16, f16};
use lobass_core::Dtype;

use crate::draws::Draws;
use crate::{Error, Method, Recipe, Tally};

/// A recipe that has been checked, and the number format of its result.
#[derive(Debug, Clone)]
pub struct Merger {
    recipe: Recipe,
    factors: Vec<f64>,
    dtype: Dtype,
}

/// The merging of one tensor. Its draws depend on its name.
#[derive(Debug, Clone, Copy)]
pub struct TensorMerger<'a> {
    merger: &'a Merger,
    draws: Draws,
}

impl Merger {
    /// Checks a recipe. The values of the result are those of the number format.
    ///
    /// # Errors
    /// [`Error::Value`] if the recipe cannot be computed.
    pub fn new(recipe: Recipe, dtype: Dtype) -> Result<Self, Error> {
        recipe.check()?;
        Ok(Self { factors: recipe.factors(), recipe, dtype })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The number format of the result.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The merging of the tensor of a name.
    pub fn tensor(&self, name: &str) -> TensorMerger<'_> {
        let seed = match self.recipe.method {
            Method::ParameterSelection { seed, .. } => seed,
            _ => 0,
        };
        TensorMerger { merger: self, draws: Draws::new(seed, name) }
    }
}

impl TensorMerger<'_> {
    /// Merges a piece of the tensor: the values from position `first` on, of the base and of each model.
    ///
    /// Sums are in f64, in the order of the models, and are rounded to f32 and then to the number format of the result.
    /// A selection compares and returns values in that format. With a base, `tally` counts what the piece changed.
    ///
    /// # Panics
    /// If there is not one slice for each weight, the slices differ in length, or the method needs a base and has none.
    pub fn merge(&self, first: u64, base: Option<&[f32]>, models: &[&[f32]], tally: &mut Tally) -> Vec<f32> {
        let Merger { recipe, dtype, .. } = self.merger;
        assert_eq!(models.len(), recipe.weights.len(), "one slice for each weight");
        let n_values = models[0].len();
        assert!(base.iter().chain(models).all(|values| values.len() == n_values), "slices of one length");
        assert!(base.is_some() || !recipe.method.needs_base(), "{} needs a base", recipe.method.name());
        let rounded =
            |values: &[f32]| -> Vec<f32> { values.iter().map(|value| round(*value, *dtype)).collect() };
        let of_models: Vec<Vec<f32>> = models.iter().map(|values| rounded(values)).collect();
        let of_base = base.map(rounded);
        let merged = match recipe.method {
            Method::Linear { .. } => rounded(&self.sum(None, models)),
            Method::TaskArithmetic { .. } => rounded(&self.sum(base, models)),
            Method::ParameterSelection { resample, .. } => {
                self.select(first, of_base.as_deref().filter(|_| resample), &of_models)
            }
        };
        if let Some(base) = &of_base {
            tally.count(base, &merged, &of_models);
        }
        merged
    }

    /// The weighted sum of the values, or with a base of the changes on top of it.
    #[expect(clippy::cast_possible_truncation, reason = "sums are rounded to f32")]
    fn sum(&self, base: Option<&[f32]>, models: &[&[f32]]) -> Vec<f32> {
        let at = |at: usize| {
            let base = base.map_or(0.0, |base| f64::from(base[at]));
            let mut sum = 0.0;
            for (factor, values) in self.merger.factors.iter().zip(models) {
                // A model of weight 0 has no part in it, whatever its values are.
                if *factor != 0.0 {
                    sum += factor * (f64::from(values[at]) - base);
                }
            }
            (base + sum) as f32
        };
        (0..models[0].len()).map(at).collect()
    }

    /// A value of one of the models for each position. With a base, models that have its value are drawn no second time.
    #[expect(clippy::float_cmp, reason = "whether it is the same value is the question")]
    fn select(&self, first: u64, base: Option<&[f32]>, models: &[Vec<f32>]) -> Vec<f32> {
        let weights = &self.merger.factors;
        let mut left = weights.clone();
        let at = |at: usize| {
            let position = first + at as u64;
            let chosen = self.draws.choose(position, 0, weights);
            let (value, Some(base)) = (models[chosen][at], base.map(|base| base[at])) else {
                return models[chosen][at];
            };
            if value != base {
                return value;
            }
            left.copy_from_slice(weights);
            left[chosen] = 0.0;
            for n_before in 1.. {
                if left.iter().all(|weight| *weight == 0.0) {
                    break;
                }
                let chosen = self.draws.choose(position, n_before, &left);
                if models[chosen][at] != base {
                    return models[chosen][at];
                }
                left[chosen] = 0.0;
            }
            base
        };
        (0..models[0].len()).map(at).collect()
    }
}

/// The value in a number format, rounded to nearest, ties to even.
fn round(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => value,
        Dtype::Bf16 => bf16::from_f32(value).to_f32(),
        Dtype::F16 => f16::from_f32(value).to_f32(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SELECTION: Method = Method::ParameterSelection { resample: false, seed: 5 };

    fn merged(
        method: Method,
        weights: &[f64],
        dtype: Dtype,
        base: &[f32],
        models: &[&[f32]],
    ) -> (Vec<f32>, Tally) {
        let merger = Merger::new(Recipe { method, weights: weights.to_vec() }, dtype).unwrap();
        let mut tally = Tally::default();
        (merger.tensor("w").merge(0, Some(base), models, &mut tally), tally)
    }

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let draws = Draws::new(seed, "numbers");
        #[expect(clippy::cast_possible_truncation, reason = "any f32 will do")]
        (0..n as u64).map(|at| draws.uniform(at, 0) as f32 - 0.5).collect()
    }

    const METHODS: [Method; 6] = [
        Method::Linear { normalize: true },
        Method::Linear { normalize: false },
        Method::TaskArithmetic { normalize: true, lambda: 1.0 },
        Method::TaskArithmetic { normalize: false, lambda: 1.0 },
        SELECTION,
        Method::ParameterSelection { resample: true, seed: 5 },
    ];

    #[test]
    fn equal_models_are_the_result_and_one_weight_is_one_model() {
        let (base, one, two) = (numbers(999, 1), numbers(999, 2), numbers(999, 3));
        for dtype in Dtype::ALL {
            let round = |values: &[f32]| values.iter().map(|value| round(*value, dtype)).collect::<Vec<_>>();
            for method in METHODS {
                let (only, _) = merged(method, &[1.0, 0.0], dtype, &base, &[&one, &two]);
                assert_eq!(only, round(&one), "{method:?}");
                let normalizes = !matches!(
                    method,
                    Method::Linear { normalize: false } | Method::TaskArithmetic { normalize: false, .. }
                );
                if normalizes {
                    let weights = [0.3, 0.7, 1.1];
                    assert_eq!(
                        merged(method, &weights, dtype, &base, &[&one[..]; 3]).0,
                        round(&one),
                        "{method:?}"
                    );
                    assert_eq!(
                        merged(method, &weights, dtype, &base, &[&base[..]; 3]).0,
                        round(&base),
                        "{method:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn tasks_are_added_and_normalized_on_request() {
        let (base, one, two) = ([1.0, 1.0], [3.0, 1.0], [2.0, 0.0]);
        let tasks = |normalize, lambda| {
            let method = Method::TaskArithmetic { normalize, lambda };
            merged(method, &[1.0, 1.0], Dtype::F32, &base, &[&one, &two]).0
        };
        assert_eq!(tasks(false, 1.0), [4.0, 0.0]);
        assert_eq!(tasks(true, 1.0), [2.5, 0.5]);
        assert_eq!(tasks(false, 0.5), [2.5, 0.5]);
    }

    #[test]
    fn a_selection_has_values_of_the_models_in_the_shares_of_their_weights() {
        let n = 60_000;
        let models = [numbers(n, 1), numbers(n, 2), numbers(n, 3)];
        let slices: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
        let weights = [1.0, 2.0, 3.0];
        let (values, _) = merged(SELECTION, &weights, Dtype::F32, &numbers(n, 4), &slices);
        for (model, weight) in models.iter().zip(weights) {
            let count = values.iter().zip(model).filter(|(value, model)| value == model).count();
            let share: f64 = weight / 6.0;
            let sigma = (share * (1.0 - share) / n as f64).sqrt();
            assert!((count as f64 / n as f64 - share).abs() < 4.0 * sigma, "{count}");
        }
        let is_one = |at: usize| models.iter().any(|model| model[at] == values[at]);
        assert!((0..n).all(is_one));
    }

    #[test]
    fn the_mean_of_many_selections_is_the_weighted_mean() {
        let models = [numbers(20, 1), numbers(20, 2)];
        let slices: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
        let weights = [1.0, 3.0];
        let mean =
            merged(Method::Linear { normalize: true }, &weights, Dtype::F32, &numbers(20, 3), &slices).0;
        let mut sums = [0.0; 20];
        let n_seeds = 2000;
        for seed in 0..n_seeds {
            let method = Method::ParameterSelection { resample: false, seed };
            let (values, _) = merged(method, &weights, Dtype::F32, &numbers(20, 3), &slices);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        for (at, sum) in sums.iter().enumerate() {
            let spread = f64::from(models[0][at] - models[1][at]).abs() * (0.25_f64 * 0.75).sqrt();
            let sigma = spread / (n_seeds as f64).sqrt();
            let error = sum / n_seeds as f64 - f64::from(mean[at]);
            assert!(error.abs() < 4.5 * sigma + 1e-7, "{at}: {error} of {sigma}");
        }
    }

    /// A third of the models has moved a position, or none: `1 - 0.5^3` of the positions change.
    #[test]
    fn resampling_takes_a_value_that_moved_where_there_is_one() {
        let n = 8_000;
        let base = vec![0.5_f32; n];
        let moved = |model: u32| -> Vec<f32> {
            (0..n)
                .map(|at| if (at >> model) & 1 == 1 { 0.5 + 0.25 * (model + 1) as f32 } else { 0.5 })
                .collect()
        };
        let models = [moved(0), moved(1), moved(2)];
        let slices: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
        for dtype in [Dtype::Bf16, Dtype::F32] {
            let resample = Method::ParameterSelection { resample: true, seed: 1 };
            let (values, tally) = merged(resample, &[1.0; 3], dtype, &base, &slices);
            assert_eq!(tally.changed_share(), Some(0.875));
            assert_eq!([0, 1, 2].map(|model| tally.unmoved_share(model)), [Some(0.5); 3]);
            // Where the first draw has moved, resampling changes nothing.
            let plain = Method::ParameterSelection { resample: false, seed: 1 };
            let (first, _) = merged(plain, &[1.0; 3], dtype, &base, &slices);
            assert!(first.iter().zip(&values).all(|(first, value)| *first == 0.5 || first == value));
            // Among those that moved, each has the same chance.
            let all_moved: Vec<f32> = (0..n).filter(|at| at & 7 == 7).map(|at| values[at]).collect();
            for model in 1..=3_u8 {
                let value = 0.5 + 0.25 * f32::from(model);
                let share =
                    all_moved.iter().filter(|found| **found == value).count() as f64 / all_moved.len() as f64;
                assert!((share - 1.0 / 3.0).abs() < 4.0 * (2.0 / 9.0 / 1000.0_f64).sqrt(), "{share}");
            }
        }
    }

    #[test]
    fn changes_below_the_format_do_not_count_as_moved() {
        // Near 0.02 the spacing of bf16 is 1.2e-4.
        let (base, near, far) = ([0.02_f32; 400], [0.020_01_f32; 400], [0.021_f32; 400]);
        let resample = Method::ParameterSelection { resample: true, seed: 1 };
        let (values, tally) = merged(resample, &[1.0, 1.0], Dtype::Bf16, &base, &[&near, &far]);
        assert_eq!((tally.unmoved_share(0), tally.changed_share()), (Some(1.0), Some(1.0)));
        assert!(values.iter().all(|value| *value == bf16::from_f32(0.021).to_f32()));
        let (values, _) = merged(resample, &[1.0, 1.0], Dtype::F32, &base, &[&near, &far]);
        assert!(values.contains(&near[0]) && values.contains(&far[0]));
    }

    proptest! {
        #[test]
        fn pieces_and_the_whole_have_the_same_bits(n in 1usize..200, cut in 0usize..200, method in 0usize..6) {
            let (base, models) = (numbers(n, 1), [numbers(n, 2), numbers(n, 3), numbers(n, 4)]);
            let recipe = Recipe { method: METHODS[method], weights: vec![0.5, 1.0, 0.2] };
            let merger = Merger::new(recipe, Dtype::Bf16).unwrap();
            let of = |range: std::ops::Range<usize>| {
                let slices: Vec<&[f32]> = models.iter().map(|model| &model[range.clone()]).collect();
                let base = Some(&base[range.clone()]);
                merger.tensor("w").merge(range.start as u64, base, &slices, &mut Tally::default())
            };
            let cut = cut.min(n);
            prop_assert_eq!([of(0..cut), of(cut..n)].concat(), of(0..n));
        }
    }
}
