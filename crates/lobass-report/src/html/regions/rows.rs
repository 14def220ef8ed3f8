//! Rows of each region to look at.

use std::fmt::Write as _;

use lobass_regions::Region;

use super::{MAX_NAME, MAX_SHOWN};
use crate::escape::{html, shortened};
use crate::number::{count, signed};
use crate::regions::{RegionRow, RegionsCut, RegionsPart};

/// Characters of a prompt, and of a response.
const MAX_PROMPT: usize = 240;
const MAX_RESPONSE: usize = 480;

/// The rows of the first regions, behind a heading that opens.
pub(super) fn draw(part: &RegionsPart, cut: &RegionsCut) -> String {
    let groups: String =
        cut.found.regions.iter().take(MAX_SHOWN).map(|region| group(part, cut, region)).collect();
    match groups.as_str() {
        "" => String::new(),
        _ => format!(
            "<details class=\"examples\"><summary>Rows to look at</summary><div class=\"groups\">{groups}</div></details>"
        ),
    }
}

fn group(part: &RegionsPart, cut: &RegionsCut, region: &Region) -> String {
    let mut cards = String::new();
    let typical = cut.typical.get(&region.name).map(|row| (*row, "in the middle".to_owned()));
    let drop = |what: &str, value: f64| format!("{what}, drop <b>{}</b>", signed(value, 3));
    let most = region.most.iter().map(|shown| (shown.row, drop("learned most", shown.drop)));
    let least = region.least.iter().map(|shown| (shown.row, drop("learned least", shown.drop)));
    for (row, what) in typical.into_iter().chain(most).chain(least) {
        if let Some(text) = part.rows.get(&row) {
            cards += &card(row, &what, text);
        }
    }
    let mut drawn = String::new();
    if !cards.is_empty() {
        let name = html(&shortened(&region.name, MAX_NAME));
        let _ = write!(
            drawn,
            "<div class=\"group\"><h4>{name} <small>{}</small></h4><div class=\"cards\">{cards}</div></div>",
            region.verdict
        );
    }
    drawn
}

/// - `what`: HTML
fn card(row: u64, what: &str, text: &RegionRow) -> String {
    let turn = |role: &str, class: &str, text: &str, most: usize| {
        format!(
            "<p class=\"turn\"><b>{role}</b> <span class=\"{class}\">{}</span></p>",
            html(&shortened(text, most))
        )
    };
    format!(
        "<article><header><span>{what}</span><span class=\"key\">row {} · <bdi>{}</bdi> · <bdi>{}</bdi></span></header>\
         <div class=\"says\" dir=\"auto\">{}{}</div></article>",
        count(row),
        html(&shortened(&text.source, 60)),
        html(&shortened(&text.key, 24)),
        turn("prompt", "u", &text.prompt, MAX_PROMPT),
        turn("response", "scored", &text.response, MAX_RESPONSE)
    )
}
