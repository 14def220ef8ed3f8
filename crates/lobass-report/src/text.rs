//! The essentials, for a terminal.

use std::fmt::Write as _;

use crate::escape::one_line;
use crate::measure::Histogram;
use crate::number::{correlation, count, counted, percent, plain, share};
use crate::report::{Body, Example, Ranked, Report, View};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Sources and examples of each kind that are listed.
const MAX_SOURCES: usize = 12;
const MAX_EXAMPLES: usize = 3;
/// The narrowest page that numbers fit on.
const MIN_WIDTH: usize = 60;

/// Makes what a terminal can show of a report, in lines of at most `width` characters, 60 at least. Nothing in it
/// moves a cursor or changes a color.
pub fn to_text(report: &Report, width: usize) -> String {
    let width = width.max(MIN_WIDTH);
    let mut lines = vec![one_line(&report.title, width), String::new()];
    let shown = percent(share(report.n_scored_rows, report.n_rows));
    lines.push(format!(
        "{}, {} scored ({shown}), {} of {} tokens; budget {}, seed {}",
        counted(report.n_rows, "row"),
        count(report.n_scored_rows),
        count(report.n_scored_tokens),
        count(report.n_tokens),
        report.budget,
        report.seed
    ));
    for status in report.statuses.iter().filter(|status| status.status != "ok") {
        let reason = status.first_reason.as_ref();
        let reason =
            reason.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
        lines.push(format!("{} {}{reason}", count(status.n_rows), status.status));
    }
    report
        .left_out
        .iter()
        .for_each(|left| lines.push(format!("left out {}: {}", left.strategy, left.reason)));
    lines.push(String::new());
    lines.extend(glance(report));
    if report.views.len() > 1 {
        lines.push(String::new());
        lines.extend(overlaps(report));
    }
    for view in &report.views {
        lines.push(String::new());
        lines.extend(of_view(report, view, width));
    }
    lines.iter().map(|line| fitted(line, width) + "\n").collect()
}

/// A line that fits the page; spaces at its beginning stay.
fn fitted(line: &str, width: usize) -> String {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let text: String = crate::escape::visible(line.trim())
        .chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .collect();
    format!("{}{}", " ".repeat(indent), crate::escape::shortened(&text, width - indent.min(width / 2)))
        .trim_end()
        .to_owned()
}

fn name_width(report: &Report) -> usize {
    report.views.iter().map(|view| view.strategy.chars().count()).max().unwrap_or(0).max(8)
}

fn glance(report: &Report) -> Vec<String> {
    let names = name_width(report);
    let mut lines =
        vec![format!("{:names$} {:>9} {:>7} {:>9} {:>8}", "strategy", "kept", "share", "length", "Spearman")];
    for view in &report.views {
        lines.push(format!(
            "{:names$} {:>9} {:>7} {:>9.1} {:>8}",
            view.strategy,
            count(view.n_selected),
            percent(share(view.n_selected, report.n_rows)),
            view.mean_scored_tokens.1,
            correlation(view.length_correlation)
        ));
    }
    let pool_mean = report.views.first().map_or(0.0, |view| view.mean_scored_tokens.0);
    lines.push(format!(
        "length: mean scored tokens, {pool_mean:.1} in the pool; Spearman: of score and length"
    ));
    lines
}

fn overlaps(report: &Report) -> Vec<String> {
    let names = name_width(report);
    let mut lines = vec!["rows that both keep, of the smaller selection".to_owned()];
    let head = |view: &View| format!(" {:>7}", one_line(&view.strategy, 7));
    lines.push(format!("{:names$}{}", "", report.views.iter().map(head).collect::<String>()));
    for (left, view) in report.views.iter().enumerate() {
        let mut line = format!("{:names$}", view.strategy);
        for right in 0..report.views.len() {
            let pair = (left.min(right), left.max(right));
            let found = report.overlaps.iter().find(|one| (one.left, one.right) == pair);
            let cell = found.map_or_else(|| "·".to_owned(), |one| percent(one.shared));
            let _ = write!(line, " {cell:>7}");
        }
        lines.push(line);
    }
    lines.push(format!("by chance {}", report.by_chance()));
    lines
}

fn of_view(report: &Report, view: &View, width: usize) -> Vec<String> {
    let keeps = if view.keeps_high { "high" } else { "low" };
    let mut lines = vec![format!("{}: {}, {keeps} is kept", view.strategy, view.score)];
    let [pool, kept] = [false, true].map(|selected| sparkline(&view.histogram, selected));
    for one in &view.excluded {
        lines.push(format!("  left out {}: {}", counted(one.n_rows, "row"), one.why));
    }
    lines.push(format!("  all  {pool}"));
    lines.push(format!("  kept {kept}"));
    let (from, to) = (plain(view.histogram.axis.min), plain(view.histogram.axis.max));
    let gap = view.histogram.bins.len().saturating_sub(from.chars().count() + to.chars().count()).max(1);
    lines.push(format!("       {from}{}{to}", " ".repeat(gap)));
    for part in view.sources.iter().take(MAX_SOURCES) {
        lines.push(format!(
            "  {:>6} of the pool, {:>6} of the kept: {}",
            percent(share(part.n_pool, report.n_rows)),
            percent(share(part.n_selected, view.n_selected)),
            one_line(&part.source, 60)
        ));
    }
    if view.sources.len() > MAX_SOURCES {
        lines.push(format!("  and {}", counted((view.sources.len() - MAX_SOURCES) as u64, "more source")));
    }
    for (name, rows) in [("best", &view.picks.best), ("worst", &view.picks.worst)] {
        for ranked in rows.iter().take(MAX_EXAMPLES) {
            if let Some(example) = report.examples.get(&ranked.row) {
                lines.push(example_line(name, ranked, example, width));
            }
        }
    }
    lines
}

fn example_line(name: &str, ranked: &Ranked, example: &Example, width: usize) -> String {
    let text: String = match &example.body {
        Body::Pieces(pieces) => {
            pieces.iter().filter(|piece| piece.losses.is_some()).map(|p| p.text.as_str()).collect()
        }
        Body::Turns(turns) => {
            turns.iter().filter(|turn| turn.is_scored).map(|turn| turn.text.as_str()).collect()
        }
        Body::Missing(why) => why.clone(),
    };
    let head = format!("  {name:5} row {} at {}: ", ranked.row, plain(ranked.score));
    let room = width.saturating_sub(head.chars().count()).max(8);
    head + &one_line(&text, room)
}

/// Rows of each bin as a block. All rows and kept rows are each scaled by their fullest bin.
fn sparkline(histogram: &Histogram, selected: bool) -> String {
    let numbers = histogram.bins.iter().map(|bin| if selected { bin.n_selected } else { bin.n_pool });
    let most = numbers.clone().max().unwrap_or(0);
    let block = |n: u64| match (n, most) {
        (0, _) | (_, 0) => ' ',
        _ => BLOCKS[usize::try_from((n * 8).div_ceil(most)).unwrap_or(8).clamp(1, 8) - 1],
    };
    numbers.map(block).collect()
}
