//! The plots of a comparison of pairs.

use super::against::baselines;
use super::outcome::PairMeasure;
use super::report::PairReport;
use super::subset::{PairMatching, PairSubset};
use crate::{ALL, Curve, CurveLine, Mark, Plot};

/// The plots of a source under a matching: a name, a title, and an SVG.
pub(super) fn drawn(
    report: &PairReport,
    matching: PairMatching,
    source: &str,
) -> Vec<(&'static str, String, String)> {
    if report.budget.is_some() {
        return selections(report, matching, source).into_iter().collect();
    }
    let lines = lines(report, matching, source);
    if lines.is_empty() {
        return Vec::new();
    }
    let on =
        if source == ALL { "all held-out pairs".to_owned() } else { format!("held-out pairs of {source}") };
    let title = format!("Preference accuracy on {on}, at equal {matching}");
    let across = "different pairs trained on".to_owned();
    let up = "share of pairs".to_owned();
    let curve = Curve { title: title.clone(), across, up, lines, mark: Some(0.5) };
    vec![("accuracy", title, curve.svg())]
}

/// A line for each pool. All begin at the base.
fn lines(report: &PairReport, matching: PairMatching, source: &str) -> Vec<CurveLine> {
    let untrained = report.arms.iter().find(|arm| arm.subset == PairSubset::Untrained);
    let start = untrained.and_then(|arm| Some((0.0, arm.measure(source, PairMeasure::Accuracy)?)));
    let mut lines: Vec<CurveLine> = Vec::new();
    for arm in report.arms_of(matching) {
        let PairSubset::Share { pool, .. } = &arm.subset else { continue };
        let Some(accuracy) = arm.measure(source, PairMeasure::Accuracy) else { continue };
        let at = lines.iter().position(|line| line.label == *pool).unwrap_or_else(|| {
            lines.push(CurveLine { label: pool.clone(), points: start.into_iter().collect() });
            lines.len() - 1
        });
        lines[at].points.push((arm.n_pairs, accuracy));
    }
    for line in &mut lines {
        line.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    lines
}

fn selections(
    report: &PairReport,
    matching: PairMatching,
    source: &str,
) -> Option<(&'static str, String, String)> {
    let baseline = baselines(report).into_iter().next()?;
    let marks: Vec<Mark> = report
        .arms_of(matching)
        .filter_map(|arm| {
            let found = report.difference(&arm.name, &baseline, matching, source)?;
            Some(Mark { label: arm.name.clone(), estimate: found.loss })
        })
        .collect();
    let on = if source == ALL { String::new() } else { format!(" on {source}") };
    let title = format!("Held-out loss against {baseline}{on}, at equal {matching}");
    let axis = format!("loss of the objective; to the left of zero is better than {baseline}");
    let plot = Plot { title: title.clone(), axis, marks };
    (!plot.marks.is_empty()).then(|| ("loss", title, plot.svg()))
}
