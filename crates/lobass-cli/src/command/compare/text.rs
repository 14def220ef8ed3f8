//! The results of a comparison as a table.

use lobass_core::readable::count;
use lobass_evidence::{ALL, ArmReport, Difference, Estimate, FULL, Matching, Report, SourceResult};
use lobass_select::Strategy as _;
use lobass_select::strategies::Random;

use crate::layout::table;

/// Every arm with its losses, best first.
pub(super) fn text(report: &Report, width: Option<usize>) -> String {
    let mut blocks = Vec::new();
    for matching in report.matchings() {
        let mut arms: Vec<(&ArmReport, f64)> =
            report.arms_of(matching).filter_map(|arm| Some((arm, arm.result(ALL)?.loss.value))).collect();
        arms.sort_by(|one, other| one.1.total_cmp(&other.1));
        let rows: Vec<Vec<String>> =
            arms.iter().filter_map(|(arm, _)| Some(row(report, matching, arm, arm.result(ALL)?))).collect();
        let first = format!("at equal {matching}");
        let mut headings =
            vec![first.as_str(), "rows", "steps", "cost", "loss", "against random", "against full", "exact"];
        headings.extend(arms.iter().any(|(arm, _)| choice(arm).is_some()).then_some("choice"));
        headings.extend(answers(report).into_iter().map(|(heading, _)| heading));
        blocks.push(table(&headings, &rows, width));
    }
    let text = format!(
        "{}\n\nLoss in nats per token of {} held-out examples; cost in passes over the pool, selecting included; \
         intervals of {:.0} %, * where zero is not in them.",
        blocks.join("\n\n"),
        count(report.held_out.sources.iter().map(|source| source.n_rows).sum()),
        100.0 * report.bootstrap.level
    );
    [Some(text), report.hidden_answers()].into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn row(report: &Report, matching: Matching, arm: &ArmReport, result: &SourceResult) -> Vec<String> {
    let against = |baseline: &str| {
        let difference = |found: &Difference| {
            let loss = found.loss;
            let mark = if loss.is_below_zero() || loss.is_above_zero() { "*" } else { " " };
            format!("{:+.4} [{:+.4}, {:+.4}]{mark}", loss.value, loss.low, loss.high)
        };
        report.difference(&arm.strategy, baseline, matching, ALL).map_or("-".to_owned(), difference)
    };
    let mut cells = vec![
        arm.label(),
        format!("{:.0}", arm.n_rows),
        format!("{:.0}", arm.n_steps),
        arm.cost.total().map_or("?".to_owned(), |cost| format!("{cost:.1}")),
        format!("{:.4}", result.loss.value),
        against(Random.name()),
        against(FULL),
        format!("{:.1} %", 100.0 * result.exact.value),
    ];
    cells.extend(choice(arm));
    for (_, of) in answers(report) {
        cells.push(of(result).map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share.value)));
    }
    cells
}

/// A column of right answers.
type Answers = (&'static str, fn(&SourceResult) -> Option<Estimate>);

const ANSWERS: [Answers; 2] = [("answers", |result| result.answer), ("sampled", |result| result.sampled)];

/// The columns of right answers, where some arm is above the floor.
fn answers(report: &Report) -> Vec<Answers> {
    ANSWERS.into_iter().filter(|(_, of)| report.is_above_floor(*of)).collect()
}

/// How often the right response is the most likely one, if there are wrong ones.
fn choice(arm: &ArmReport) -> Option<String> {
    let share = arm.result(ALL)?.choice?;
    Some(format!("{:.1} %", 100.0 * share.value))
}
