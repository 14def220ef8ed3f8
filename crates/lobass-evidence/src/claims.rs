//! The paper's claims, held against a report.

use crate::{ALL, Estimate, Matching, Report};

/// What a report says to a claim.
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
    /// What is claimed.
    pub what: &'static str,
    /// Under which matching it was looked at, if that makes a difference.
    pub matching: Option<Matching>,
    /// What was compared.
    pub compared: String,
    /// The difference, if it has an interval: of losses, or of shares of exact matches.
    pub difference: Option<Estimate>,
    /// What became of it.
    pub verdict: Verdict,
}

/// A claim that one arm does better on held-out examples than another: has a lower loss, or more exact matches.
const BETTER: [(&str, &str, &str); 3] = [
    ("a small share, chosen well, beats all of the data", "lobass", "full"),
    ("the normalised score beats the unnormalised one, per token", "lobass", "gap"),
    ("the normalised score beats the unnormalised one, summed", "lobass", "gap-sum"),
];

/// A claim that one score goes less with length than another.
const SHORTER: [(&str, &str, &str); 2] = [
    ("normalising takes length out of the score, against the sum", "lobass", "gap-sum"),
    ("normalising takes length out of the score, against the gap per token", "lobass", "gap"),
];

/// Rank correlations have no interval here; such as differ by less, in size, are taken to be alike.
const CORRELATIONS_DIFFER: f64 = 0.1;

/// Every claim that the arms of a report can be held against.
///
/// The claims are those of LoBaSS and DavIR, arXiv 2310.13008, put in terms of what is measured here: the loss of
/// held-out examples and exact matches, instead of a judge's preference.
pub fn claims(report: &Report) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (what, strategy, baseline) in BETTER {
        for matching in report.matchings() {
            let Some(difference) = report.difference(strategy, baseline, matching, ALL) else { continue };
            for (measure, found, lower_is_better) in
                [("loss", difference.loss, true), ("exact matches", difference.exact, false)]
            {
                let verdict = match (found.is_below_zero(), found.is_above_zero()) {
                    (false, false) => Verdict::Undecided,
                    (is_below, _) if is_below == lower_is_better => Verdict::Holds,
                    _ => Verdict::Fails,
                };
                let compared = format!("{measure}: `{strategy}` minus `{baseline}`");
                claims.push(Claim {
                    what,
                    matching: Some(matching),
                    compared,
                    difference: Some(found),
                    verdict,
                });
            }
        }
    }
    for (what, strategy, baseline) in SHORTER {
        let correlation = |name: &str| {
            let arm = report.arms.iter().find(|arm| arm.strategy == name)?;
            arm.length_correlation
        };
        let (Some(one), Some(other)) = (correlation(strategy), correlation(baseline)) else { continue };
        let verdict = match other.abs() - one.abs() {
            less if less >= CORRELATIONS_DIFFER => Verdict::Holds,
            less if less <= -CORRELATIONS_DIFFER => Verdict::Fails,
            _ => Verdict::Undecided,
        };
        let compared =
            format!("rank correlation with length: {one:+.2} for `{strategy}`, {other:+.2} for `{baseline}`");
        claims.push(Claim { what, matching: None, compared, difference: None, verdict });
    }
    claims
}
