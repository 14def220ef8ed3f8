//! The results of a comparison of pairs as tables.

use lobass_core::readable::count;
use lobass_evidence::ALL;
use lobass_evidence::pairs::{PairMatching, PairMeasure, PairReport};

use crate::layout::table;

/// Every arm with its accuracies, under each matching, and what no training changes.
pub(super) fn text(report: &PairReport, width: Option<usize>) -> String {
    let mut blocks = vec![data(report, width)];
    blocks.extend(report.matchings().into_iter().map(|matching| arms(report, matching, width)));
    let n_pairs: u64 =
        report.held_out.iter().filter_map(|source| source.facts).map(|facts| facts.n_pairs).sum();
    format!(
        "{}\n\nPreference accuracy on {} held-out pairs, by source too if there are several; loss of the objective; \
         intervals of {:.0} %. The margins, and what goes with length, are in results.md.",
        blocks.join("\n\n"),
        count(n_pairs),
        100.0 * report.bootstrap.level
    )
}

fn data(report: &PairReport, width: Option<usize>) -> String {
    let parts = [("pool", &report.pool), ("held out", &report.held_out)];
    let rows: Vec<Vec<String>> = parts
        .into_iter()
        .flat_map(|(part, sources)| sources.iter().map(move |source| (part, source)))
        .map(|(part, source)| {
            let left_out: u64 = source
                .statuses
                .iter()
                .filter(|(status, _)| !matches!(status.as_str(), "ok" | "cut_both"))
                .map(|(_, n)| n)
                .sum();
            let facts = source.facts;
            let number = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            vec![
                format!("{part}, {}", source.source),
                count(facts.map_or(0, |facts| facts.n_pairs)),
                count(left_out),
                count(source.n_prompts),
                number(facts.map(|facts| format!("{:.3}", facts.base_chosen))),
                number(facts.and_then(|facts| Some(format!("{:.1} %", 100.0 * facts.longer_chosen?)))),
                number(facts.map(|facts| format!("{:.1} %", 100.0 * facts.length_rule))),
            ]
        })
        .collect();
    let headings = [
        "",
        "pairs",
        "left out",
        "prompts",
        "base's loss of chosen",
        "longer is chosen",
        "accuracy by length alone",
    ];
    table(&headings, &rows, width)
}

fn arms(report: &PairReport, matching: PairMatching, width: Option<usize>) -> String {
    let sources = report.measured_sources();
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .map(|arm| {
            let mut row = vec![arm.name.clone(), count(rounded(arm.n_pairs)), count(rounded(arm.n_steps))];
            row.push(arm.shown(ALL, PairMeasure::Accuracy, |found| {
                format!("{:.1} % [{:.1}, {:.1}]", 100.0 * found.value, 100.0 * found.low, 100.0 * found.high)
            }));
            row.extend(sources.iter().skip(1).map(|source| {
                arm.shown(source, PairMeasure::Accuracy, |found| format!("{:.1} %", 100.0 * found.value))
            }));
            row.push(arm.shown(ALL, PairMeasure::Loss, |found| format!("{:.4}", found.value)));
            row.push(
                arm.shown(ALL, PairMeasure::LengthMatched, |found| format!("{:.1} %", 100.0 * found.value)),
            );
            row
        })
        .collect();
    let first = format!("at equal {matching}");
    let on: Vec<String> = sources.iter().skip(1).map(|source| format!("on {source}")).collect();
    let mut headings = vec![first.as_str(), "pairs", "steps", "accuracy"];
    headings.extend(on.iter().map(String::as_str));
    headings.extend(["loss", "on one length"]);
    table(&headings, &rows, width)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "means of counts")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}
