//! Trials to estimates and differences.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::Totals;
use crate::{Bootstrap, Difference, Draws, Error, Matching, Ratio, SourceResult};

/// The name under which all sources are put together.
pub const ALL: &str = "all";
/// The arm that is trained on all rows.
pub const FULL: &str = "full";
/// The arm that is not trained.
pub const ZERO_SHOT: &str = "zero-shot";

/// The result of a trained model on one held-out example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The loss summed over its scored tokens, in nats.
    pub nll: f64,
    /// How many those are.
    pub n_scored: u64,
    /// How many of them are the most likely token after the tokens before.
    pub n_matched: u64,
    /// If the example has wrong responses: whether the right one is chosen, 1 or 0. Between equally likely ones it is
    /// the share of the right one.
    pub choice: Option<f64>,
    /// If answers were decoded: whether they are right.
    pub answer: Option<Answered>,
}

/// The answers of a model to one held-out example.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Whether the most likely answer is right, 1 or 0.
    pub greedy: f64,
    /// The share of right ones among sampled answers, if any were drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<f64>,
}

impl Outcome {
    fn is_exact(&self) -> bool {
        self.n_matched == self.n_scored
    }
}

/// One way to train, with the outcomes of each of its trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// The strategy, or another name.
    pub strategy: String,
    /// The matching that its trials share with other arms. An arm without one is comparable with all.
    pub matching: Option<Matching>,
    /// By seed, then by example.
    pub trials: Vec<Vec<Outcome>>,
}

/// The result of [`measure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// For each arm: results by source, those of all sources first.
    pub results: Vec<Vec<SourceResult>>,
    /// For each arm and each trial: sums by source.
    pub totals: Vec<Vec<BTreeMap<String, Totals>>>,
    /// Every arm against every baseline of the same matching, by source.
    pub differences: Vec<Difference>,
}

/// All arms draw the same trials, since trials of one place share their seed.
pub(crate) const BY_SEED: u64 = 0;

/// The three things that are looked at in every example.
const QUANTITIES: [fn(&Outcome) -> Ratio; 3] = [
    |outcome| Ratio { sum: outcome.nll, count: outcome.n_scored as f64 },
    |outcome| Ratio { sum: f64::from(u8::from(outcome.is_exact())), count: 1.0 },
    |outcome| Ratio { sum: outcome.n_matched as f64, count: outcome.n_scored as f64 },
];

fn choice(outcome: &Outcome) -> Ratio {
    Ratio { sum: outcome.choice.unwrap_or(0.0), count: 1.0 }
}

fn greedy_answer(outcome: &Outcome) -> Ratio {
    Ratio { sum: outcome.answer.map_or(0.0, |answer| answer.greedy), count: 1.0 }
}

fn sampled_answers(outcome: &Outcome) -> Ratio {
    Ratio { sum: outcome.answer.and_then(|answer| answer.sampled).unwrap_or(0.0), count: 1.0 }
}

/// The examples that only some quantities are of.
struct Examples<'a> {
    all: &'a [usize],
    with_choices: Vec<usize>,
    with_answers: Vec<usize>,
    with_samples: Vec<usize>,
}

impl<'a> Examples<'a> {
    /// - `first`: the outcomes of any trial; which examples have what is the same in all
    fn new(all: &'a [usize], first: &[Outcome]) -> Self {
        let with = |has: &dyn Fn(&Outcome) -> bool| -> Vec<usize> {
            all.iter().copied().filter(|&at| has(&first[at])).collect()
        };
        Self {
            all,
            with_choices: with(&|outcome| outcome.choice.is_some()),
            with_answers: with(&|outcome| outcome.answer.is_some()),
            with_samples: with(&|outcome| outcome.answer.is_some_and(|answer| answer.sampled.is_some())),
        }
    }
}

/// Measures arms on the same held-out examples.
///
/// Trials of one place in their arms share a seed: resamples draw the same ones of every arm that has as many.
///
/// `of_example` gives for each example its index in `sources`. The result for all sources together is over all
/// examples, so large sources count for more.
///
/// # Errors
/// [`Error::Bootstrap`] for settings without an interval; [`Error::Nothing`] without arms, trials, or examples;
/// [`Error::Lengths`] if trials were measured on other examples; [`Error::Outcome`] for a loss that is not finite or
/// over nothing; [`Error::Source`] if two sources have one name, or one of several is called [`ALL`].
pub fn measure(
    arms: &[Arm],
    sources: &[String],
    of_example: &[usize],
    baselines: &[&str],
    bootstrap: &Bootstrap,
) -> Result<Measured, Error> {
    bootstrap.check()?;
    check(arms, of_example.len())?;
    check_names(sources)?;
    let groups = groups(sources, of_example);
    let mut results = vec![Vec::new(); arms.len()];
    let mut differences = Vec::new();
    for (source, examples) in &groups {
        let of = Examples::new(examples, &arms[0].trials[0]);
        let draws: Vec<DrawsOfArm> = arms.iter().map(|arm| DrawsOfArm::new(arm, &of, bootstrap)).collect();
        for (results, draws) in results.iter_mut().zip(&draws) {
            let [loss, exact, matched] = draws.of_all.each_ref().map(|draws| bootstrap.estimate(draws));
            results.push(SourceResult {
                source: source.clone(),
                n_examples: examples.len() as u64,
                loss,
                exact,
                matched,
                choice: draws.choice.as_ref().map(|draws| bootstrap.estimate(draws)),
                answer: draws.answer.as_ref().map(|draws| bootstrap.estimate(draws)),
                sampled: draws.sampled.as_ref().map(|draws| bootstrap.estimate(draws)),
            });
        }
        for (arm, of_arm) in arms.iter().zip(&draws) {
            for (baseline, of_baseline) in arms.iter().zip(&draws) {
                if !are_compared(arm, baseline, baselines) {
                    continue;
                }
                let matching = arm.matching.or(baseline.matching);
                let difference =
                    |at: usize| bootstrap.estimate(&of_arm.of_all[at].minus(&of_baseline.of_all[at]));
                let apart = |of: fn(&DrawsOfArm) -> &Option<Draws>| {
                    let both = of(of_arm).as_ref().zip(of(of_baseline).as_ref());
                    both.map(|(one, other)| bootstrap.estimate(&one.minus(other)))
                };
                differences.push(Difference {
                    strategy: arm.strategy.clone(),
                    baseline: baseline.strategy.clone(),
                    matching,
                    source: source.clone(),
                    loss: difference(0),
                    exact: difference(1),
                    matched: difference(2),
                    choice: apart(|draws| &draws.choice),
                    answer: apart(|draws| &draws.answer),
                    sampled: apart(|draws| &draws.sampled),
                });
            }
        }
    }
    let totals =
        arms.iter().map(|arm| arm.trials.iter().map(|trial| totals(trial, &groups)).collect()).collect();
    Ok(Measured { results, totals, differences })
}

/// Whether an arm is to be compared with a baseline: another one, of the same matching or of none.
fn are_compared(arm: &Arm, baseline: &Arm, baselines: &[&str]) -> bool {
    let clash = arm.matching.is_some() && baseline.matching.is_some() && arm.matching != baseline.matching;
    arm.strategy != baseline.strategy && baselines.contains(&baseline.strategy.as_str()) && !clash
}

pub(crate) fn check_names(sources: &[String]) -> Result<(), Error> {
    let is_taken =
        |at: usize| sources[..at].contains(&sources[at]) || (sources.len() > 1 && sources[at] == ALL);
    match (0..sources.len()).find(|&at| is_taken(at)) {
        Some(at) => Err(Error::Source { name: sources[at].clone() }),
        None => Ok(()),
    }
}

/// All examples, then those of each source that has some.
pub(crate) fn groups(sources: &[String], of_example: &[usize]) -> Vec<(String, Vec<usize>)> {
    let mut groups = vec![(ALL.to_owned(), (0..of_example.len()).collect())];
    if sources.len() > 1 {
        let of = |source: usize| (0..of_example.len()).filter(|&at| of_example[at] == source).collect();
        groups.extend(sources.iter().enumerate().map(|(at, name)| (name.clone(), of(at))));
    }
    groups.retain(|(_, examples): &(String, Vec<usize>)| !examples.is_empty());
    groups
}

/// What was drawn of an arm, over the examples of a source.
struct DrawsOfArm {
    /// Of [`QUANTITIES`].
    of_all: [Draws; QUANTITIES.len()],
    /// Over the examples that have wrong responses, if any has.
    choice: Option<Draws>,
    /// Over the examples whose answer is known, if answers were decoded.
    answer: Option<Draws>,
    /// The same, if answers were sampled.
    sampled: Option<Draws>,
}

impl DrawsOfArm {
    fn new(arm: &Arm, examples: &Examples<'_>, bootstrap: &Bootstrap) -> Self {
        let draws = |examples: &[usize], quantity: fn(&Outcome) -> Ratio| {
            let trial = |trial: &Vec<Outcome>| examples.iter().map(|&at| quantity(&trial[at])).collect();
            bootstrap.draws(&arm.trials.iter().map(trial).collect::<Vec<_>>(), BY_SEED)
        };
        let some = |examples: &[usize], quantity: fn(&Outcome) -> Ratio| {
            (!examples.is_empty()).then(|| draws(examples, quantity))
        };
        Self {
            of_all: QUANTITIES.map(|quantity| draws(examples.all, quantity)),
            choice: some(&examples.with_choices, choice),
            answer: some(&examples.with_answers, greedy_answer),
            sampled: some(&examples.with_samples, sampled_answers),
        }
    }
}

fn totals(trial: &[Outcome], groups: &[(String, Vec<usize>)]) -> BTreeMap<String, Totals> {
    let total = |examples: &Vec<usize>| {
        let mut total = Totals::default();
        for outcome in examples.iter().map(|&at| &trial[at]) {
            total.nll += outcome.nll;
            total.n_scored += outcome.n_scored;
            total.n_matched += outcome.n_matched;
            total.n_examples += 1;
            total.n_exact += u64::from(outcome.is_exact());
            total.n_choices += u64::from(outcome.choice.is_some());
            total.n_right += outcome.choice.unwrap_or(0.0);
        }
        total
    };
    groups.iter().map(|(source, examples)| (source.clone(), total(examples))).collect()
}

fn check(arms: &[Arm], n_examples: usize) -> Result<(), Error> {
    let nothing = |what: &str| Err(Error::Nothing { what: what.to_owned() });
    if arms.is_empty() {
        return nothing("arms");
    }
    if n_examples == 0 {
        return nothing("held-out examples");
    }
    for arm in arms {
        if arm.trials.is_empty() {
            return nothing(&format!("trials of `{}`", arm.strategy));
        }
        for (at, trial) in arm.trials.iter().enumerate() {
            let what = || format!("`{}`, trial {at}", arm.strategy);
            if trial.len() != n_examples {
                return Err(Error::Lengths { what: what(), expected: n_examples, found: trial.len() });
            }
            let bad = trial.iter().position(|outcome| outcome.n_scored == 0 || !outcome.nll.is_finite());
            if let Some(example) = bad {
                let found = format!("{} over {}", trial[example].nll, trial[example].n_scored);
                return Err(Error::Outcome { what: what(), example, found });
            }
            let first = &arms[0].trials[0];
            let has_choice = |outcomes: &[Outcome], at: usize| outcomes[at].choice.is_some();
            if let Some(example) = (0..n_examples).find(|&at| has_choice(trial, at) != has_choice(first, at))
            {
                return Err(Error::Choices { what: what(), example });
            }
            let has_answer =
                |outcomes: &[Outcome], at: usize| outcomes[at].answer.map(|answer| answer.sampled.is_some());
            if let Some(example) = (0..n_examples).find(|&at| has_answer(trial, at) != has_answer(first, at))
            {
                return Err(Error::Answers { what: what(), example });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(strategy: &str, matching: Option<Matching>, trials: &[&[(f64, u64, u64)]]) -> Arm {
        let outcome = |&(nll, n_scored, n_matched): &(f64, u64, u64)| Outcome {
            nll,
            n_scored,
            n_matched,
            choice: None,
            answer: None,
        };
        let trials = trials.iter().map(|trial| trial.iter().map(outcome).collect()).collect();
        Arm { strategy: strategy.to_owned(), matching, trials }
    }

    #[test]
    fn by_hand() {
        let arms = [
            arm("a", Some(Matching::Epochs), &[&[(2.0, 4, 4), (6.0, 2, 1)], &[(4.0, 4, 4), (2.0, 2, 2)]]),
            arm("a", Some(Matching::Tokens), &[&[(1.0, 4, 0), (1.0, 2, 0)]]),
            arm("zero-shot", None, &[&[(8.0, 4, 1), (4.0, 2, 2)]]),
        ];
        let sources = ["x".to_owned(), "y".to_owned(), "none".to_owned()];
        let found = measure(&arms, &sources, &[0, 1], &["zero-shot", "a"], &Bootstrap::default()).unwrap();
        let names: Vec<&str> = found.results[0].iter().map(|result| result.source.as_str()).collect();
        assert_eq!(names, [ALL, "x", "y"]);
        let all = &found.results[0][0];
        assert_eq!(all.loss.value, f64::midpoint(8.0 / 6.0, 6.0 / 6.0));
        assert_eq!(all.exact.value, 0.75);
        assert_eq!(all.matched.value, f64::midpoint(5.0 / 6.0, 1.0));
        let total = found.totals[0][0][ALL];
        assert_eq!((total.nll, total.n_scored, total.n_matched, total.n_exact), (8.0, 6, 5, 1));
        assert_eq!(found.totals[2][0]["y"].nll, 4.0);
        let pairs: Vec<(&str, &str, Option<Matching>)> = found.differences[..4]
            .iter()
            .map(|difference| {
                (difference.strategy.as_str(), difference.baseline.as_str(), difference.matching)
            })
            .collect();
        let (epochs, tokens) = (Some(Matching::Epochs), Some(Matching::Tokens));
        // Arms of one strategy are not compared with each other, and those of two matchings never are.
        assert_eq!(
            pairs,
            [
                ("a", "zero-shot", epochs),
                ("a", "zero-shot", tokens),
                ("zero-shot", "a", epochs),
                ("zero-shot", "a", tokens)
            ]
        );
        assert_eq!(found.differences[0].loss.value, all.loss.value - 2.0);
        // Of one example and one trial there is no spread.
        let alone = &found.results[1][1].loss;
        assert_eq!((alone.low, alone.high), (0.25, 0.25));
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        let good = arm("a", None, &[&[(1.0, 1, 0)]]);
        let measure = |arms: &[Arm], n: usize| {
            measure(arms, &["x".to_owned()], &vec![0; n], &[], &Bootstrap::default()).unwrap_err().to_string()
        };
        assert!(measure(&[], 1).contains("arms"));
        assert!(measure(std::slice::from_ref(&good), 0).contains("held-out examples"));
        assert!(measure(&[arm("b", None, &[])], 1).contains("trials of `b`"));
        assert!(measure(&[good], 2).contains("expected outcomes of 2 held-out examples, found 1"));
        assert!(measure(&[arm("b", None, &[&[(f64::NAN, 1, 0)]])], 1).contains("`b`, trial 0, example 0"));
        assert!(measure(&[arm("b", None, &[&[(0.0, 0, 0)]])], 1).contains("0 over 0"));
    }

    #[test]
    fn choices_are_measured_on_the_examples_that_have_some() {
        let outcome = |choice| Outcome { nll: 1.0, n_scored: 1, n_matched: 0, choice, answer: None };
        let arm = |name: &str, choices: [Option<f64>; 3]| Arm {
            strategy: name.to_owned(),
            matching: None,
            trials: vec![choices.map(outcome).to_vec()],
        };
        let (a, b) = (arm("a", [Some(1.0), None, Some(0.5)]), arm("b", [Some(0.0), None, Some(1.0)]));
        let sources = ["x".to_owned(), "y".to_owned()];
        let found = measure(&[a.clone(), b], &sources, &[0, 1, 0], &["b"], &Bootstrap::default()).unwrap();
        let choice = |result: &SourceResult| result.choice.map(|estimate| estimate.value);
        assert_eq!(found.results[0].iter().map(choice).collect::<Vec<_>>(), [Some(0.75), Some(0.75), None]);
        assert_eq!(found.differences[0].choice.map(|difference| difference.value), Some(0.25));
        let total = found.totals[0][0][ALL];
        assert_eq!((total.n_choices, total.n_right), (2, 1.5));
        let other = arm("c", [Some(1.0), Some(1.0), None]);
        let refused = measure(&[a, other], &sources, &[0, 1, 0], &["b"], &Bootstrap::default());
        assert_eq!(refused, Err(Error::Choices { what: "`c`, trial 0".to_owned(), example: 1 }));
    }

    #[test]
    fn answers_are_measured_where_the_right_one_is_known() {
        let outcome = |answer| Outcome { nll: 1.0, n_scored: 1, n_matched: 0, choice: None, answer };
        let arm = |name: &str, answers: [Option<(f64, f64)>; 3]| Arm {
            strategy: name.to_owned(),
            matching: None,
            trials: vec![
                answers
                    .map(|of| {
                        outcome(of.map(|(greedy, sampled)| Answered { greedy, sampled: Some(sampled) }))
                    })
                    .to_vec(),
            ],
        };
        let a = arm("a", [Some((1.0, 0.5)), None, Some((1.0, 0.25))]);
        let b = arm("b", [Some((0.0, 0.25)), None, Some((1.0, 0.0))]);
        let sources = ["x".to_owned()];
        let found = measure(&[a.clone(), b], &sources, &[0; 3], &["b"], &Bootstrap::default()).unwrap();
        let values =
            |result: &SourceResult| [result.answer, result.sampled].map(|found| found.unwrap().value);
        assert_eq!(values(&found.results[0][0]), [1.0, 0.375]);
        assert_eq!(values(&found.results[1][0]), [0.5, 0.125]);
        let difference = &found.differences[0];
        assert_eq!([difference.answer, difference.sampled].map(|found| found.unwrap().value), [0.5, 0.25]);
        assert_eq!(found.results[0][0].choice, None);
        let other = arm("c", [Some((1.0, 0.5)), Some((0.0, 0.0)), None]);
        let refused = measure(&[a, other], &sources, &[0; 3], &["b"], &Bootstrap::default());
        assert_eq!(refused, Err(Error::Answers { what: "`c`, trial 0".to_owned(), example: 1 }));
    }

    #[test]
    fn sources_have_names_of_their_own() {
        let arms = [arm("a", None, &[&[(1.0, 1, 0), (2.0, 1, 0)]])];
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let of_example: Vec<usize> = [0, names.len() - 1].to_vec();
            super::measure(&arms, &names, &of_example, &[], &Bootstrap::default())
        };
        assert!(of(&["x", "y"]).is_ok() && of(&[ALL]).is_ok());
        for bad in [["x", "x"], ["x", ALL]] {
            let error = of(&bad).unwrap_err().to_string();
            assert!(error.contains("expected a unique name"), "{error}");
        }
    }
}
