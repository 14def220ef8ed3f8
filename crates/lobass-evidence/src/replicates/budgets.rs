//! Curves over budgets.

use super::study::{INTERVAL, Replicate, arm_of, choice, primary};
use super::t_interval;
use crate::{ArmReport, Curve, CurveLine, Estimate};

/// Budgets in percent, with the comparisons at equal epochs that have arms at them.
const BUDGETS: [(f64, &[&str]); 4] = [
    (3.0, &["curve-3"]),
    (6.0, &["epochs-6"]),
    (16.7, &["epochs-16.7", "curve-16.7"]),
    (50.0, &["curve-50"]),
];
const STRATEGIES: [&str; 4] = ["lobass", "gap", "random", "length-matched-random"];

/// The curves of loss and of choice accuracy, by the names of their files, once two budgets have been compared.
pub(super) fn curves(replicates: &[Replicate]) -> Vec<(&'static str, Curve)> {
    let curve = |title: &str, up: &str, measure: fn(&ArmReport) -> Option<f64>| {
        let lines: Vec<CurveLine> =
            STRATEGIES.iter().filter_map(|name| line(replicates, name, measure)).collect();
        (!lines.is_empty()).then(|| Curve {
            title: title.to_owned(),
            across: "rows that are kept, in percent of the pool".to_owned(),
            up: up.to_owned(),
            lines,
            mark: None,
        })
    };
    let loss = curve("Held-out loss by budget, at equal epochs", "nats per scored token", primary);
    let choice = curve("Choice accuracy by budget, at equal epochs", "share of right choices", choice);
    [("loss", loss), ("choice", choice)]
        .into_iter()
        .filter_map(|(name, curve)| Some((name, curve?)))
        .collect()
}

/// A strategy with the budgets at which at least two replicates have it, if there are two of those.
fn line(replicates: &[Replicate], name: &str, measure: fn(&ArmReport) -> Option<f64>) -> Option<CurveLine> {
    let point = |&(budget, groups): &(f64, &[&str])| -> Option<(f64, Estimate)> {
        let of = |replicate: &Replicate| {
            groups.iter().find_map(|&group| measure(arm_of(replicate.get(group)?, name)?))
        };
        Some((budget, t_interval(&replicates.iter().filter_map(of).collect::<Vec<_>>(), INTERVAL)?))
    };
    let points: Vec<_> = BUDGETS.iter().filter_map(point).collect();
    (points.len() > 1).then(|| CurveLine { label: name.to_owned(), points })
}
