//! Outcomes of held-out pairs to estimates and differences.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::{HeldOutPair, PairMeasure, PairOutcome};
use crate::measure::{BY_SEED, check_names, groups};
use crate::{Bootstrap, Draws, Error, Estimate, Ratio};

/// The result of a way to train on the held-out pairs of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairResult {
    /// The source, or [`ALL`](crate::ALL).
    pub source: String,
    /// Its pairs.
    pub n_pairs: u64,
    /// Every measure that some pair counts for. Over several sources, without those that grow with the length.
    pub measures: BTreeMap<PairMeasure, Estimate>,
}

/// One way to train minus another, paired by example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairResultDifference {
    /// The source, or [`ALL`](crate::ALL).
    pub source: String,
    /// Of preference accuracies; above zero is better.
    pub accuracy: Estimate,
    /// Of the objective's losses; below zero is better.
    pub loss: Estimate,
}

/// The result of [`measure_pairs`].
#[derive(Debug, Clone, PartialEq)]
pub struct PairsMeasured {
    /// For each arm: results by source, those of all sources first.
    pub results: Vec<Vec<PairResult>>,
    /// For each arm and each trial: the plain value of every measure by source.
    pub trials: Vec<Vec<BTreeMap<String, BTreeMap<PairMeasure, f64>>>>,
    /// For each compared pair of arms: differences by source, those of all sources first.
    pub differences: Vec<Vec<PairResultDifference>>,
}

/// Measures ways to train on the same held-out pairs.
///
/// Over all sources together, pairs count alike, so large sources count for more. Sums over the tokens of a pair are
/// given by source only, since the source with the longest responses would decide their mean. Trials of one place in their
/// arms share a seed, and resamples draw the same ones of every arm that has as many.
///
/// # Shapes
/// - `arms`: `[arm][trial][pair]`
/// - `compared`: places of arms, each with that of its baseline
///
/// # Errors
/// [`Error::Bootstrap`] for settings without an interval; [`Error::Nothing`] without arms, trials, or pairs;
/// [`Error::Lengths`] if trials were measured on other pairs; [`Error::Outcome`] for a number that is not finite or an
/// empty response; [`Error::Source`] if two sources have one name, or one of several is called
/// [`ALL`](crate::ALL).
///
/// # Panics
/// If a compared place has no arm.
pub fn measure_pairs(
    pairs: &[HeldOutPair],
    sources: &[String],
    arms: &[Vec<Vec<PairOutcome>>],
    compared: &[(usize, usize)],
    bootstrap: &Bootstrap,
) -> Result<PairsMeasured, Error> {
    bootstrap.check()?;
    check(pairs, arms)?;
    check_names(sources)?;
    let of_pair: Vec<usize> = pairs.iter().map(|pair| pair.source).collect();
    let groups = groups(sources, &of_pair);
    let mut measured = PairsMeasured {
        results: vec![Vec::new(); arms.len()],
        trials: arms.iter().map(|trials| vec![BTreeMap::new(); trials.len()]).collect(),
        differences: vec![Vec::new(); compared.len()],
    };
    for (at, (source, examples)) in groups.iter().enumerate() {
        let is_mixed = at == 0 && groups.len() > 1;
        let shown = |measure: &PairMeasure| !(is_mixed && measure.grows_with_length());
        let measures: Vec<PairMeasure> = PairMeasure::ALL.into_iter().filter(shown).collect();
        let group = Group { pairs, examples, measures };
        let draws: Vec<_> = arms.iter().map(|trials| group.draws(trials, bootstrap)).collect();
        for (arm, draws) in draws.iter().enumerate() {
            let measures =
                draws.iter().map(|(&measure, draws)| (measure, bootstrap.estimate(draws))).collect();
            let n_pairs = examples.len() as u64;
            measured.results[arm].push(PairResult { source: source.clone(), n_pairs, measures });
            for (trial, values) in arms[arm].iter().zip(&mut measured.trials[arm]) {
                values.insert(source.clone(), group.values(trial));
            }
        }
        for (&(arm, baseline), differences) in compared.iter().zip(&mut measured.differences) {
            let of = |measure| bootstrap.estimate(&draws[arm][&measure].minus(&draws[baseline][&measure]));
            let (accuracy, loss) = (of(PairMeasure::Accuracy), of(PairMeasure::Loss));
            differences.push(PairResultDifference { source: source.clone(), accuracy, loss });
        }
    }
    Ok(measured)
}

/// Some held-out pairs, and what is measured on them.
struct Group<'a> {
    pairs: &'a [HeldOutPair],
    examples: &'a [usize],
    measures: Vec<PairMeasure>,
}

impl Group<'_> {
    /// The draws of every measure that some pair counts for.
    fn draws(&self, trials: &[Vec<PairOutcome>], bootstrap: &Bootstrap) -> BTreeMap<PairMeasure, Draws> {
        let of = |&measure: &PairMeasure| {
            let ratios: Vec<Vec<Ratio>> = trials.iter().map(|trial| self.ratios(measure, trial)).collect();
            (!ratios[0].is_empty()).then(|| (measure, bootstrap.draws(&ratios, BY_SEED)))
        };
        self.measures.iter().filter_map(of).collect()
    }

    /// The plain value of every measure under one trial.
    fn values(&self, trial: &[PairOutcome]) -> BTreeMap<PairMeasure, f64> {
        let of = |&measure: &PairMeasure| {
            let ratios = self.ratios(measure, trial);
            let sum = |number: fn(&Ratio) -> f64| ratios.iter().map(number).sum::<f64>();
            (!ratios.is_empty()).then(|| (measure, sum(|ratio| ratio.sum) / sum(|ratio| ratio.count)))
        };
        self.measures.iter().filter_map(of).collect()
    }

    /// The ratios of the pairs that count for a measure.
    fn ratios(&self, measure: PairMeasure, trial: &[PairOutcome]) -> Vec<Ratio> {
        self.examples.iter().filter_map(|&at| measure.of(&self.pairs[at], &trial[at])).collect()
    }
}

fn check(pairs: &[HeldOutPair], arms: &[Vec<Vec<PairOutcome>>]) -> Result<(), Error> {
    let nothing = |what: &str| Err(Error::Nothing { what: what.to_owned() });
    if arms.is_empty() {
        return nothing("arms");
    }
    if pairs.is_empty() {
        return nothing("held-out pairs");
    }
    for (arm, trials) in arms.iter().enumerate() {
        if trials.is_empty() {
            return nothing(&format!("trials of arm {arm}"));
        }
        for (at, trial) in trials.iter().enumerate() {
            let what = || format!("arm {arm}, trial {at}");
            if trial.len() != pairs.len() {
                return Err(Error::Lengths { what: what(), expected: pairs.len(), found: trial.len() });
            }
            for (example, (pair, outcome)) in pairs.iter().zip(trial).enumerate() {
                let numbers = [pair.base, outcome.losses, [outcome.margin, outcome.loss]];
                let bad = numbers.iter().flatten().find(|number| !number.is_finite());
                let n_scored = pair.n_chosen.min(pair.n_rejected);
                if bad.is_some() || n_scored == 0 {
                    let found = format!("{} over {n_scored}", bad.unwrap_or(&outcome.loss));
                    return Err(Error::Outcome { what: what(), example, found });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ALL;

    fn pair(source: usize, n_chosen: u64, n_rejected: u64) -> HeldOutPair {
        HeldOutPair { source, n_chosen, n_rejected, base: [8.0, 6.0] }
    }

    fn outcome(margin: f64) -> PairOutcome {
        PairOutcome { losses: [8.0 - margin, 6.0], margin, loss: (-margin).exp().ln_1p() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    const BOOTSTRAP: Bootstrap = Bootstrap { n_resamples: 100, level: 0.95, seed: 1 };

    #[test]
    fn before_training_every_pair_is_a_tie() {
        let pairs = [pair(0, 4, 8), pair(0, 9, 3), pair(1, 5, 5)];
        let untrained = vec![vec![outcome(0.0); 3]];
        let found = measure_pairs(&pairs, &names(&["x", "y"]), &[untrained], &[], &BOOTSTRAP).unwrap();
        for result in &found.results[0] {
            let exactly = |measure, value| {
                let estimate = result.measures[&measure];
                assert_eq!(
                    (estimate.value, estimate.low, estimate.high),
                    (value, value, value),
                    "{measure:?}"
                );
            };
            exactly(PairMeasure::Accuracy, 0.5);
            exactly(PairMeasure::Loss, std::f64::consts::LN_2);
            for measure in [PairMeasure::Margin, PairMeasure::Chosen, PairMeasure::Rejected] {
                assert_eq!(result.measures.contains_key(&measure), result.source != ALL);
                if result.source != ALL {
                    exactly(measure, 0.0);
                }
            }
        }
        assert!(!found.results[0][2].measures.contains_key(&PairMeasure::Longer), "all of one length");
    }

    #[test]
    fn by_hand_and_swapped() {
        let pairs = [pair(0, 4, 8), pair(0, 9, 3), pair(1, 5, 5), pair(1, 6, 7)];
        let swapped: Vec<HeldOutPair> = pairs
            .iter()
            .map(|pair| HeldOutPair {
                base: [6.0, 8.0],
                ..self::pair(pair.source, pair.n_rejected, pair.n_chosen)
            })
            .collect();
        let margins = [[1.0, -2.0, 0.0, 3.0], [1.0, 2.0, 1.0, 3.0]];
        let arm =
            |sign: f64| margins.map(|trial| trial.map(|margin| outcome(sign * margin)).to_vec()).to_vec();
        let measured = |pairs: &[HeldOutPair], sign| {
            measure_pairs(
                pairs,
                &names(&["x", "y"]),
                &[arm(sign), vec![vec![outcome(0.0); 4]]],
                &[(0, 1)],
                &BOOTSTRAP,
            )
            .unwrap()
        };
        let found = measured(&pairs, 1.0);
        let value = |source: usize, measure| found.results[0][source].measures[&measure].value;
        assert_eq!(value(0, PairMeasure::Accuracy), f64::midpoint(2.5 / 4.0, 1.0));
        assert_eq!(value(1, PairMeasure::Margin), f64::midpoint(-0.5, 1.5));
        // Of the first trial: the shorter of the first two pairs each; of the second, one of each.
        assert_eq!(value(1, PairMeasure::Longer), f64::midpoint(0.0, 0.5));
        assert_eq!(value(2, PairMeasure::LengthMatched), f64::midpoint(0.5, 1.0));
        assert_eq!(found.trials[0][1]["x"][&PairMeasure::Accuracy], 1.0);
        let difference = &found.differences[0][0];
        assert_eq!(
            (difference.source.as_str(), difference.accuracy.value),
            (ALL, value(0, PairMeasure::Accuracy) - 0.5)
        );

        let turned = measured(&swapped, -1.0);
        for source in 0..3 {
            let [one, other] =
                [&found, &turned].map(|found| found.results[0][source].measures[&PairMeasure::Accuracy]);
            assert!((one.value + other.value - 1.0).abs() < 1e-12);
            assert!((one.low + other.high - 1.0).abs() < 1e-12 && (one.high + other.low - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        let fails = |pairs: &[HeldOutPair], arms: &[Vec<Vec<PairOutcome>>]| {
            measure_pairs(pairs, &names(&["x"]), arms, &[], &BOOTSTRAP).unwrap_err().to_string()
        };
        let good = [pair(0, 4, 4)];
        assert!(fails(&good, &[]).contains("arms"));
        assert!(fails(&[], &[vec![vec![]]]).contains("held-out pairs"));
        assert!(fails(&good, &[vec![]]).contains("trials of arm 0"));
        assert!(fails(&good, &[vec![vec![]]]).contains("expected outcomes of 1"));
        assert!(fails(&good, &[vec![vec![outcome(f64::NAN)]]]).contains("NaN"));
        assert!(fails(&[pair(0, 0, 4)], &[vec![vec![outcome(0.0)]]]).contains("over 0"));
    }
}
