//! The section about regions: a chart, tables, and rows to look at.

mod forest;
mod rows;
mod tables;

use crate::escape::{html, shortened};
use crate::number::counted;
use crate::regions::{RegionsCut, RegionsPart};

/// Regions that are drawn and listed; further ones are counted.
const MAX_REGIONS: usize = 40;
/// Regions of one cut whose rows are shown.
const MAX_SHOWN: usize = 24;
/// Characters of a name.
const MAX_NAME: usize = 80;

/// Everything about regions. It needs no script.
pub(super) fn draw(part: &RegionsPart) -> String {
    let n_references = part.cuts.first().map_or(0, |cut| cut.found.n_references as u64);
    let spread = match n_references {
        1 => " With one reference, intervals say nothing about the spread between trainings.",
        _ => "",
    };
    let level = part.cuts.first().map_or(95.0, |cut| 100.0 * cut.found.bootstrap.level);
    let lead = format!(
        "<p class=\"lead\">How far the loss fell from the base to {}, in nats per token: base minus reference. \
         Intervals are of {level:.0}\u{a0}% and of one region each.{spread} {}.</p>",
        counted(n_references, "reference"),
        html(&capital(&part.seen))
    );
    let cuts: String = part.cuts.iter().enumerate().map(|(at, cut)| draw_cut(part, cut, at)).collect();
    lead + &cuts
}

fn draw_cut(part: &RegionsPart, cut: &RegionsCut, at: usize) -> String {
    let warning = cut.warning.as_deref();
    let warning = warning
        .map_or(String::new(), |warning| format!("<p class=\"warning\">{}</p>", html(&capital(warning))));
    let more = match cut.found.regions.len() {
        n if n > MAX_REGIONS => {
            let n = counted((n - MAX_REGIONS) as u64, "more region");
            format!("<p class=\"note\">{n}, which the JSON has.</p>")
        }
        _ => String::new(),
    };
    let changes = cut.changes.as_deref().map_or(String::new(), |changes| {
        let shared = part.shared.as_deref().unwrap_or_default();
        tables::changes(changes, shared)
    });
    format!(
        "<div class=\"cut\"><h3>By {}</h3>{warning}{}{}{more}{}{changes}{}</div>\n",
        html(&shortened(&cut.by, MAX_NAME)),
        forest::draw(cut, at),
        tables::regions(&cut.found),
        tables::queue(&cut.found),
        rows::draw(part, cut)
    )
}

/// A sentence that begins with a capital.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
