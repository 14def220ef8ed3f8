//! The replicates of a study: what each measured, and what all of them say to its claims.

use std::collections::BTreeMap;

use super::{holm, sign_flip, t_interval};
use crate::{ALL, ArmReport, Estimate, Matching, Report, SourceCount, Verdict};

/// The results of one replicate, by the name of the group of trainings that one comparison made.
pub type Replicate = BTreeMap<String, Report>;

/// The corrected p value up to which a claim is decided.
const LEVEL: f64 = 0.05;
/// The level of intervals.
pub(super) const INTERVAL: f64 = 0.95;

/// A claim, with a number for each replicate that has one. Numbers below zero are for it.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyClaim {
    /// The claim.
    pub what: &'static str,
    /// What its numbers are.
    pub number: &'static str,
    /// One for each replicate that has the trainings.
    pub numbers: Vec<f64>,
    /// Their mean and its t interval, with at least two of them.
    pub estimate: Option<Estimate>,
    /// The p value of the sign-flip test, without and with Holm's correction.
    pub p: Option<[f64; 2]>,
    /// The verdict by the corrected p value.
    pub verdict: Verdict,
}

/// The claims of `docs/evidence/design.md`, by what the replicates measured.
///
/// Holm's correction is over all claims, also over those without numbers yet: a claim is not decided sooner because the others
/// are not measured.
pub fn study_claims(replicates: &[Replicate]) -> Vec<StudyClaim> {
    let all = CLAIMS.iter().map(|claim| {
        let numbers: Vec<f64> = replicates.iter().filter_map(|replicate| (claim.of)(replicate)).collect();
        (claim, numbers)
    });
    let all: Vec<_> = all.collect();
    let tests: Vec<Option<f64>> = all.iter().map(|(_, numbers)| sign_flip(numbers)).collect();
    let corrected = holm(&tests.iter().map(|p| p.unwrap_or(1.0)).collect::<Vec<_>>());
    let claims = all.into_iter().zip(tests.into_iter().zip(corrected));
    claims
        .map(|((claim, numbers), (p, corrected))| {
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            let verdict = match p {
                Some(_) if corrected <= LEVEL && mean < 0.0 => Verdict::Holds,
                Some(_) if corrected <= LEVEL && mean > 0.0 => Verdict::Fails,
                _ => Verdict::Undecided,
            };
            StudyClaim {
                what: claim.what,
                number: claim.number,
                estimate: t_interval(&numbers, INTERVAL),
                p: p.map(|p| [p, corrected]),
                numbers,
                verdict,
            }
        })
        .collect()
}

struct Tested {
    what: &'static str,
    number: &'static str,
    of: fn(&Replicate) -> Option<f64>,
}

const CLAIMS: [Tested; 6] = [
    Tested {
        what: "6 % by lobass beats all rows, at equal epochs",
        number: "loss of lobass minus that of full",
        of: |replicate| difference(replicate, ("epochs-6", "lobass"), ("epochs-full", "full")),
    },
    Tested {
        what: "6 % by lobass beats all rows, at equal tokens",
        number: "loss of lobass minus that of full",
        of: |replicate| difference(replicate, ("tokens-6", "lobass"), ("tokens-6", "full")),
    },
    Tested {
        what: "6 % by lobass beats 6 % at random, at equal epochs",
        number: "loss of lobass minus that of random",
        of: |replicate| difference(replicate, ("epochs-6", "lobass"), ("epochs-6", "random")),
    },
    Tested {
        what: "normalized beats unnormalized",
        number: "loss of lobass minus that of gap, 6 % at equal epochs",
        of: |replicate| difference(replicate, ("epochs-6", "lobass"), ("epochs-6", "gap")),
    },
    Tested {
        what: "16.7 % balances two domains",
        number: "distance of shares from those of the pool, lobass minus gap",
        of: |replicate| {
            let off = |arm| imbalance(replicate.get("epochs-16.7")?, arm);
            Some(off("lobass")? - off("gap")?)
        },
    },
    Tested {
        what: "the correlation with length falls",
        number: "size of the rank correlation, lobass minus gap-sum",
        of: |replicate| {
            let size = |arm| Some(arm_of(replicate.get("epochs-6")?, arm)?.length_correlation?.abs());
            Some(size("lobass")? - size("gap-sum")?)
        },
    },
];

pub(super) fn difference(replicate: &Replicate, one: (&str, &str), other: (&str, &str)) -> Option<f64> {
    let loss = |(group, arm): (&str, &str)| primary(arm_of(replicate.get(group)?, arm)?);
    Some(loss(one)? - loss(other)?)
}

/// An arm of a comparison that has one matching; the base without training has none.
pub(super) fn arm_of<'a>(report: &'a Report, name: &str) -> Option<&'a ArmReport> {
    report.arms.iter().find(|arm| arm.strategy == name)
}

/// The primary measure: the loss per scored token of each source, averaged over sources.
pub(super) fn primary(arm: &ArmReport) -> Option<f64> {
    over_sources(arm, |result| Some(result.loss.value))
}

/// The share of right responses that are chosen, averaged over sources.
pub(super) fn choice(arm: &ArmReport) -> Option<f64> {
    over_sources(arm, |result| Some(result.choice.as_ref()?.value))
}

fn over_sources(arm: &ArmReport, of: impl Fn(&crate::SourceResult) -> Option<f64>) -> Option<f64> {
    let sources: Vec<_> = arm.results.iter().filter(|result| result.source != ALL).collect();
    let values: Option<Vec<f64>> = sources.iter().map(|result| of(result)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Half the sum over sources of how far a selection's share is from that of the pool: 0 is balanced, 1 the most that can be.
fn imbalance(report: &Report, arm: &str) -> Option<f64> {
    let arm = arm_of(report, arm)?;
    let share = |of: &[SourceCount], source: &str| {
        let all: u64 = of.iter().map(|one| one.n_rows).sum();
        let n_rows = of.iter().find(|one| one.source == source).map_or(0, |one| one.n_rows);
        n_rows as f64 / all as f64
    };
    let sources = &report.pool.sources;
    let off =
        sources.iter().map(|one| (share(&arm.sources, &one.source) - share(sources, &one.source)).abs());
    Some(off.sum::<f64>() / 2.0).filter(|off| off.is_finite())
}

/// The matching of a report whose trainings have one in common.
pub(super) fn matching(report: &Report) -> Option<Matching> {
    report.matchings().first().copied()
}
