//! A comparison of pools of pairs as text: tables and curves.

use super::against::Against;
use super::data_table::{data, setting};
use super::drawn::drawn;
use super::outcome::PairMeasure;
use super::report::{PairArmReport, PairReport};
use super::subset::PairMatching;
use crate::markdown::{count, interval, percent, signed, table};
use crate::{ALL, Estimate};

/// The tables of a report, and the plots that they show, named after it. `folder` is where pictures will be, as seen from
/// the text.
pub fn pair_tables(report: &PairReport, name: &str, folder: &str) -> (String, Vec<(String, String)>) {
    let mut text = format!("{}\n{}", setting(report), data(report));
    let mut plots = Vec::new();
    for matching in report.matchings() {
        text += &format!("\n### {}\n\n{}\n", heading(report, matching), overall(report, matching));
        for (at, source) in report.measured_sources().into_iter().enumerate() {
            if at > 0 || report.measured_sources().len() == 1 {
                text += &format!("On `{source}`:\n\n{}\n", on(report, matching, source));
            }
            for (what, title, svg) in drawn(report, matching, source) {
                let file = format!(
                    "{name}-{matching}-{what}{}.svg",
                    if at == 0 { String::new() } else { format!("-{at}") }
                );
                text += &format!("![{title}]({folder}{file})\n\n");
                plots.push((file, svg));
            }
        }
    }
    (text, plots)
}

fn heading(report: &PairReport, matching: PairMatching) -> String {
    let epochs = report.recipe.epochs;
    match (matching, report.matched_steps, report.matched_tokens) {
        (PairMatching::Epochs, ..) => format!("At equal epochs: {epochs}"),
        (PairMatching::Pairs, ..) => format!("At equal numbers of pairs, {epochs} epochs"),
        (PairMatching::Steps, Some(steps), _) => format!("At equal steps: {}", count(steps as f64)),
        (PairMatching::Tokens, _, Some(tokens)) => format!("At equal tokens: {}", count(tokens as f64)),
        _ => format!("At equal {matching}"),
    }
}

fn overall(report: &PairReport, matching: PairMatching) -> String {
    let columns = Against::of(report);
    let sources = selected_sources(report);
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .map(|arm| {
            let mut row = vec![arm.name.clone(), count(arm.n_pairs), count(arm.n_steps), count(arm.n_tokens)];
            row.extend(sources.iter().map(|source| share_of(arm, source)));
            row.push(arm.shown(ALL, PairMeasure::Accuracy, percent));
            row.extend(columns.iter().map(|against| {
                let baseline = against.baseline(report, arm);
                let found = baseline.and_then(|name| report.difference(&arm.name, &name, matching, ALL));
                found.map_or_else(|| "-".to_owned(), |found| signed(&points(found.accuracy), 1))
            }));
            row.push(arm.shown(ALL, PairMeasure::Loss, |estimate| interval(estimate, 4)));
            row.push(arm.shown(ALL, PairMeasure::LengthMatched, percent));
            row.push(arm.shown(ALL, PairMeasure::Longer, percent));
            row.push(arm.shown(ALL, PairMeasure::Sft, |estimate| interval(estimate, 3)));
            row
        })
        .collect();
    let against: Vec<String> = columns.iter().map(Against::heading).collect();
    let shares: Vec<String> = sources.iter().map(|source| format!("share of {source}")).collect();
    let mut headings = vec!["trained on", "pairs", "steps", "tokens"];
    headings.extend(shares.iter().map(String::as_str));
    headings.push("accuracy");
    headings.extend(against.iter().map(String::as_str));
    headings.extend(["loss", "accuracy on one length", "prefers the longer", "loss of chosen, per token"]);
    format!("{}\nDifferences are in percentage points of accuracy.\n", table(&headings, &rows))
}

/// The sources of which selections have shares; none if there is one source, or shares of pools are compared.
fn selected_sources(report: &PairReport) -> Vec<&str> {
    let sources = report.pool.iter().filter(|source| source.facts.is_some());
    let names: Vec<&str> = sources.map(|source| source.source.as_str()).collect();
    if report.budget.is_some() && names.len() > 1 { names } else { Vec::new() }
}

/// The share of a source among the pairs of an arm, with the first seed.
fn share_of(arm: &PairArmReport, source: &str) -> String {
    let all: u64 = arm.sources.iter().map(|source| source.n_rows).sum();
    let of = arm.sources.iter().find(|found| found.source == source).map_or(0, |found| found.n_rows);
    if all == 0 { "-".to_owned() } else { format!("{:.0} %", 100.0 * of as f64 / all as f64) }
}

fn on(report: &PairReport, matching: PairMatching, source: &str) -> String {
    let signed_nats = |estimate: &Estimate| {
        let Estimate { value, low, high } = estimate;
        format!("{value:+.3} [{low:+.3}, {high:+.3}]")
    };
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .map(|arm| {
            vec![
                arm.name.clone(),
                arm.shown(source, PairMeasure::Accuracy, percent),
                arm.shown(source, PairMeasure::LengthMatched, percent),
                arm.shown(source, PairMeasure::Longer, percent),
                arm.shown(source, PairMeasure::Loss, |estimate| interval(estimate, 4)),
                arm.shown(source, PairMeasure::Margin, signed_nats),
                arm.shown(source, PairMeasure::Chosen, signed_nats),
                arm.shown(source, PairMeasure::Rejected, signed_nats),
                arm.shown(source, PairMeasure::Sft, |estimate| interval(estimate, 3)),
            ]
        })
        .collect();
    let headings = [
        "trained on",
        "accuracy",
        "on one length",
        "prefers the longer",
        "loss",
        "margin",
        "chosen against base",
        "rejected against base",
        "loss of chosen, per token",
    ];
    table(&headings, &rows)
}

fn points(found: Estimate) -> Estimate {
    Estimate { value: 100.0 * found.value, low: 100.0 * found.low, high: 100.0 * found.high }
}
