//! The numbers of regions.

use std::fmt::Write as _;

use lobass_regions::{Change, Found, LossDrop, Part, Region, Regions, Verdict};

use super::forest::class;
use super::{MAX_NAME, MAX_REGIONS};
use crate::escape::{html, shortened};
use crate::number::{count, percent, signed};

/// Regions that are listed to be repaired.
const MAX_QUEUE: usize = 10;

/// One line for each region, and one for all rows.
pub(super) fn regions(found: &Regions) -> String {
    let has_parts = found.all.format.is_some();
    let has_in_sample = found.all.in_sample.is_some();
    let mut head = "<th scope=\"col\">region</th><th scope=\"col\">rows</th><th scope=\"col\">tokens</th>\
                    <th scope=\"col\">base loss</th><th scope=\"col\">drop<br>per token</th><th scope=\"col\">interval</th>\
                    <th scope=\"col\">drop<br>per row</th><th scope=\"col\">share of<br>base loss</th>"
        .to_owned();
    if has_in_sample {
        head += "<th scope=\"col\">in-sample<br>drop</th>";
    }
    if has_parts {
        head += "<th scope=\"col\">format<br>tokens</th><th scope=\"col\">content<br>tokens</th>";
    }
    let rows: String = found
        .regions
        .iter()
        .take(MAX_REGIONS)
        .chain([&found.all])
        .map(|region| row(region, has_parts, has_in_sample))
        .collect();
    let alone = found.regions.iter().any(|region| region.joint.is_some() && !region.holds_jointly);
    let alone = if alone {
        "<p class=\"note\">* The verdict is of this region alone. The wider interval that holds for all regions together \
         does not say the same.</p>"
    } else {
        ""
    };
    format!(
        "<div class=\"scroll\"><table class=\"regions\"><thead><tr>{head}<th scope=\"col\">verdict</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>{alone}"
    )
}

fn row(region: &Region, has_parts: bool, has_in_sample: bool) -> String {
    let mut row = format!(
        "<tr><th scope=\"row\">{}{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
        html(&shortened(&region.name, MAX_NAME)),
        match region.n_missing {
            0 => String::new(),
            n => format!("<small>{} more without losses</small>", count(n)),
        },
        count(region.n_rows),
        count(region.n_tokens),
        region.base.map_or_else(dash, |base| format!("{base:.3}")),
        value(region.per_token),
        interval(region.per_token),
        value(region.per_row),
        region.share.map_or_else(dash, |share| percent(share.value)),
    );
    if has_in_sample {
        let _ = write!(row, "<td>{}</td>", region.in_sample.map_or_else(dash, |drop| signed(drop, 3)));
    }
    if has_parts {
        row += &part(region.format.as_ref());
        row += &part(region.content.as_ref());
    }
    let star = if region.joint.is_some() && !region.holds_jointly { " *" } else { "" };
    let _ = write!(row, "<td>{}{star}</td></tr>", verdict(region.verdict));
    row
}

/// The drop per token of one kind of tokens, with their number.
fn part(part: Option<&Part>) -> String {
    let text = part.map_or_else(dash, |part| {
        let class = class(part.verdict);
        format!(
            "<span class=\"{class}\">{}</span><small> of {}</small>",
            value(part.per_token),
            count(part.n_tokens)
        )
    });
    format!("<td>{text}</td>")
}

/// The regions that were not learned.
pub(super) fn queue(found: &Regions) -> String {
    if found.queue.is_empty() {
        return String::new();
    }
    let one = |at: &usize| {
        let region = &found.regions[*at];
        format!(
            "<li>{}: {}, {} nats per token over {} rows</li>",
            html(&shortened(&region.name, MAX_NAME)),
            verdict(region.verdict),
            value(region.per_token),
            count(region.n_rows)
        )
    };
    let items: String = found.queue.iter().take(MAX_QUEUE).map(one).collect();
    format!(
        "<h4>To repair <small>regions that were not learned, by the size of the drop or rise times rows</small></h4><ol>{items}</ol>"
    )
}

/// Two tables side by side.
pub(super) fn changes(changes: &[Change], shared: &str) -> String {
    let one = |change: &Change| {
        let side = |found: Option<Found>| value(found.and_then(|found| found.per_token));
        let verdicts = match (change.before, change.after) {
            (Some(before), Some(after)) if before.verdict == after.verdict => verdict(after.verdict),
            (before, after) => [before, after]
                .map(|found| found.map_or_else(|| "absent".to_owned(), |found| verdict(found.verdict)))
                .join(" → "),
        };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{verdicts}</td></tr>",
            html(&shortened(&change.name, MAX_NAME)),
            side(change.before),
            side(change.after),
            count(change.n_paired),
            value(change.difference),
            interval(change.difference)
        )
    };
    let rows: String = changes.iter().take(MAX_REGIONS + 1).map(one).collect();
    format!(
        "<h4>Beside the second table <small>{}</small></h4><div class=\"scroll\"><table class=\"regions\"><thead><tr>\
         <th scope=\"col\">region</th><th scope=\"col\">first<br>drop</th><th scope=\"col\">second<br>drop</th>\
         <th scope=\"col\">rows in<br>both</th><th scope=\"col\">difference<br>on these</th><th scope=\"col\">interval</th>\
         <th scope=\"col\">verdicts</th></tr></thead><tbody>{rows}</tbody></table></div>",
        html(shared)
    )
}

fn verdict(verdict: Verdict) -> String {
    format!("<span class=\"{}\">{verdict}</span>", class(verdict))
}

fn dash() -> String {
    "–".to_owned()
}

fn value(drop: Option<LossDrop>) -> String {
    drop.map_or_else(dash, |drop| signed(drop.value, 3))
}

fn interval(drop: Option<LossDrop>) -> String {
    let ends = drop.and_then(|drop| drop.interval);
    ends.map_or_else(dash, |(low, high)| format!("[{}, {}]", signed(low, 3), signed(high, 3)))
}
