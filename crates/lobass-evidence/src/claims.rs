//! The claims of papers about strategies, compared with a report.

use lobass_select::{Merit, Rival, strategies};

use crate::{ALL, ArmReport, Estimate, FULL, Matching, Report};

/// The verdict of a report on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The interval of the difference is on the claim's side of zero.
    Holds,
    /// It is on the other side.
    Fails,
    /// It has zero in it, or correlations hardly differ.
    Undecided,
}

impl Verdict {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds here",
            Self::Fails => "does not hold here",
            Self::Undecided => "undecided here",
        }
    }
}

/// A claim, and what a report says to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The claim.
    pub what: &'static str,
    /// Under which matching it was looked at, if that makes a difference.
    pub matching: Option<Matching>,
    /// The comparison that tests it.
    pub compared: String,
    /// The difference, if it has an interval: of losses, or of shares of exact matches.
    pub difference: Option<Estimate>,
    /// Whether the claim holds.
    pub verdict: Verdict,
}

/// Rank correlations have no interval here; such as differ by less, in size, are taken to be alike.
const CORRELATIONS_DIFFER: f64 = 0.1;

/// Every claim of a strategy's paper that the arms of a report can be held against.
///
/// Claims are put in terms of what is measured here: the loss of held-out examples and exact matches, instead of a
/// judge's preference. They are about the end of the score that a strategy keeps by itself, so arms that kept the other
/// end are not held against them; shrinkage is named.
pub fn claims(report: &Report) -> Vec<Claim> {
    let arm = |name: &str| report.arms.iter().find(|arm| arm.strategy == name && arm.turned.is_none());
    let mut found = Vec::new();
    for info in strategies::all().iter().map(|strategy| strategy.info()) {
        for claim in info.claims {
            let baseline = match claim.against {
                Rival::AllRows => FULL,
                Rival::Strategy(name) => name,
            };
            let (Some(one), Some(other)) = (arm(info.name), arm(baseline)) else { continue };
            match claim.merit {
                Merit::Teaches => found.extend(teaches(report, claim.what, one, other)),
                Merit::IgnoresLength => found.extend(ignores_length(claim.what, one, other)),
            }
        }
    }
    found
}

/// Whether one arm has a lower loss and more exact matches than another, under each matching.
fn teaches(report: &Report, what: &'static str, one: &ArmReport, other: &ArmReport) -> Vec<Claim> {
    let mut claims = Vec::new();
    for matching in report.matchings() {
        let Some(difference) = report.difference(&one.strategy, &other.strategy, matching, ALL) else {
            continue;
        };
        for (measure, found, lower_is_better) in
            [("loss", difference.loss, true), ("exact matches", difference.exact, false)]
        {
            let verdict = match (found.is_below_zero(), found.is_above_zero()) {
                (false, false) => Verdict::Undecided,
                (is_below, _) if is_below == lower_is_better => Verdict::Holds,
                _ => Verdict::Fails,
            };
            let compared = format!("{measure}: `{}` minus `{}`", one.label(), other.label());
            let (matching, difference) = (Some(matching), Some(found));
            claims.push(Claim { what, matching, compared, difference, verdict });
        }
    }
    claims
}

/// Whether the score of one arm goes less with length than that of another.
fn ignores_length(what: &'static str, left: &ArmReport, right: &ArmReport) -> Option<Claim> {
    let (one, other) = (left.length_correlation?, right.length_correlation?);
    let verdict = match other.abs() - one.abs() {
        less if less >= CORRELATIONS_DIFFER => Verdict::Holds,
        less if less <= -CORRELATIONS_DIFFER => Verdict::Fails,
        _ => Verdict::Undecided,
    };
    let compared = format!(
        "rank correlation with length: {one:+.2} for `{}`, {other:+.2} for `{}`",
        left.label(),
        right.label()
    );
    Some(Claim { what, matching: None, compared, difference: None, verdict })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A report of arms that differ in nothing but their correlations with length.
    fn report(arms: &Value) -> Report {
        let arm = |one: &Value| {
            let mut arm = json!({
                "matching": "epochs", "n_rows": 9.0, "n_tokens": 90.0, "n_steps": 3.0, "passes": 1.0,
                "cost": {"scoring": 2.0, "references": 9.0, "training": 3.0}, "mean_scored_tokens": 5.0,
                "sources": [], "results": [], "seeds": [],
            });
            arm.as_object_mut().unwrap().extend(one.as_object().unwrap().clone());
            arm
        };
        let arms: Vec<Value> = arms.as_array().unwrap().iter().map(arm).collect();
        let interval = json!({"value": -0.5, "low": -0.6, "high": -0.4});
        serde_json::from_value(json!({
            "version": 1, "tool": "t", "base": {"weights_digest": "d", "n_parameters": 1}, "budget": "9",
            "pool": {"plan": "p", "digest": null, "n_rows": 90, "n_eligible": 90, "n_tokens": 900, "sources": []},
            "recipe": {"method": "full", "epochs": 1, "batch_size": 3, "learning_rate": 1e-4, "schedule": "cosine"},
            "matched_tokens": null, "bootstrap": {"n_resamples": 10, "level": 0.95, "seed": 0},
            "held_out": {"sources": [], "n_scored": 9, "n_unscorable": 0, "n_same_prompt": 0, "n_near": 0},
            "arms": arms,
            "differences": [{
                "strategy": "lobass", "baseline": "full", "matching": "epochs", "source": ALL, "loss": interval,
                "exact": interval, "matched": interval,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn claims_are_about_the_scores_that_were_ranked_by() {
        let arms = |lobass: Value| {
            let mut lobass = lobass;
            (lobass["strategy"], lobass["length_correlation"]) = (json!("lobass"), json!(0.1));
            report(&json!([
                lobass, {"strategy": "gap-sum", "length_correlation": 0.8}, {"strategy": "full", "length_correlation": null},
            ]))
        };
        let of = |lobass| claims(&arms(lobass)).into_iter().map(|claim| claim.compared).collect::<Vec<_>>();
        let plain = of(json!({}));
        assert_eq!(plain.len(), 3, "{plain:?}");
        assert_eq!(plain[2], "rank correlation with length: +0.10 for `lobass`, +0.80 for `gap-sum`");
        let shrunken = of(json!({"shrinkage": 30.0}));
        assert_eq!(shrunken[0], "loss: `lobass (shrinkage 30)` minus `full`");
        assert!(of(json!({"turned": "ascending"})).is_empty(), "the low end says nothing of the claims");
    }
}
