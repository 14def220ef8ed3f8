//! Tables: strategies at a glance, sources, agreement, and statuses.

use std::fmt::Write as _;

use crate::escape::{html, shortened};
use crate::number::{correlation, count, percent, plain, share};
use crate::report::{Overlap, Report, View};

/// So many sources have a row of their own.
const MAX_SOURCES: usize = 24;
/// So much of a stranger's name or reason is shown.
const MAX_NAME: usize = 160;

/// One line for each strategy.
pub(super) fn glance(report: &Report) -> String {
    let mut rows = String::new();
    for (at, view) in report.views.iter().enumerate() {
        let (first, last) =
            view.kept_scores.map_or(("–".into(), "–".into()), |(a, b)| (plain(a), plain(b)));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><label for=\"s{at}\"><span class=\"name\">{}</span></label>\
             <small>{}</small></th><td>{}</td><td>{}</td><td>{}</td><td>{first} … {last}</td><td>{:.0}</td>\
             <td>{}</td></tr>",
            html(&view.strategy),
            html(&view.score),
            count(view.n_selected),
            percent(share(view.n_selected, report.n_rows)),
            count(view.n_tokens),
            view.mean_scored_tokens.1,
            correlation(view.length_correlation)
        );
    }
    let pool_mean = report.views.first().map_or(0.0, |view| view.mean_scored_tokens.0);
    let left_out: String = report
        .left_out
        .iter()
        .map(|left| format!("<li><b>{}</b>: {}</li>", html(&left.strategy), html(&left.reason)))
        .collect();
    let left_out = match left_out.as_str() {
        "" => String::new(),
        _ => format!(
            "<p class=\"note\">Left out, since this table lacks what they need:</p><ul class=\"note\">{left_out}</ul>"
        ),
    };
    format!(
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">strategy</th><th scope=\"col\">rows kept</th>\
         <th scope=\"col\">of the pool</th><th scope=\"col\">tokens kept</th><th scope=\"col\">scores kept</th>\
         <th scope=\"col\">mean response<br>(tokens)</th><th scope=\"col\">score and length<br>(Spearman)</th></tr></thead>\
         <tbody>{rows}</tbody></table></div><p class=\"note\">Responses of the pool average {pool_mean:.0} scored tokens. \
         A correlation near ±1 says that a strategy ranks by length.</p>{left_out}"
    )
}

/// Each source's share before and after.
pub(super) fn sources(view: &View) -> String {
    let (pool, kept): (u64, u64) =
        view.sources.iter().fold((0, 0), |(pool, kept), part| (pool + part.n_pool, kept + part.n_selected));
    let mut parts: Vec<(String, u64, u64)> = view
        .sources
        .iter()
        .map(|part| (html(&shortened(&part.source, MAX_NAME)), part.n_pool, part.n_selected))
        .collect();
    if parts.len() > MAX_SOURCES {
        parts.sort_by_key(|part| std::cmp::Reverse(part.1));
        let rest = parts.split_off(MAX_SOURCES);
        let sum = |of: fn(&(String, u64, u64)) -> u64| rest.iter().map(of).sum();
        parts.push((format!("{} others", rest.len()), sum(|part| part.1), sum(|part| part.2)));
    }
    let shares = parts.iter().flat_map(|part| [share(part.1, pool), share(part.2, kept)]);
    let largest = shares.filter(|share| share.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    let mut rows = String::new();
    for (name, n_pool, n_kept) in parts {
        let (before, after) = (share(n_pool, pool), share(n_kept, kept));
        let bar = |class: &str, share: f64| match share > 0.0 {
            true => format!("<i class=\"{class}\" style=\"width:{:.2}%\"></i>", 100.0 * share / largest),
            false => String::new(),
        };
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{name}</th><td class=\"bars\"><span class=\"track\">{}</span><span class=\"track\">{}</span></td>\
             <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            bar("pool", before),
            bar("kept", after),
            percent(before),
            percent(after),
            count(n_pool),
            count(n_kept),
            percent(share(n_kept, n_pool))
        );
    }
    format!(
        "<div class=\"scroll\"><table class=\"sources\"><thead><tr><th scope=\"col\">source</th>\
         <th scope=\"col\"><span class=\"legend\"><span><i class=\"dot pool\"></i>pool</span><span><i class=\"dot kept\"></i>kept</span></span></th>\
         <th scope=\"col\">share<br>of pool</th><th scope=\"col\">share<br>of kept</th>\
         <th scope=\"col\">rows in<br>pool</th><th scope=\"col\">rows<br>kept</th><th scope=\"col\">kept of<br>source</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}

/// How far each two strategies agree.
pub(super) fn overlaps(report: &Report) -> String {
    let found = |left: usize, right: usize| {
        let (left, right) = (left.min(right), left.max(right));
        report.overlaps.iter().find(|one| (one.left, one.right) == (left, right))
    };
    let heads: String =
        report.views.iter().map(|view| format!("<th scope=\"col\">{}</th>", html(&view.strategy))).collect();
    let mut rows = String::new();
    for (at, view) in report.views.iter().enumerate() {
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th>", html(&view.strategy));
        for other in 0..report.views.len() {
            match (at == other, found(at, other)) {
                (true, _) => rows.push_str("<td class=\"self\">–</td>"),
                (false, Some(one)) => rows.push_str(&overlap_cell(one)),
                (false, None) => {
                    rows.push_str("<td class=\"self\" title=\"one of them keeps nothing\">–</td>");
                }
            }
        }
        rows.push_str("</tr>");
    }
    format!(
        "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\
         <p class=\"note\">In each cell: the rows that both strategies keep, as a share of the smaller selection, and below it the \
         Spearman correlation of their rankings. Selections by chance would have {} in common.</p>",
        report.by_chance()
    )
}

fn overlap_cell(one: &Overlap) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let level = (one.shared * 7.0).round() as usize;
    format!(
        "<td class=\"o{}\" title=\"{} of {} kept rows in common, {} by chance\">{}<small>{}</small></td>",
        level.min(7),
        percent(one.shared),
        count(one.k as u64),
        percent(one.by_chance),
        percent(one.shared),
        correlation(one.spearman)
    )
}

/// Rows by status.
pub(super) fn statuses(report: &Report) -> String {
    let mut rows = String::new();
    for status in &report.statuses {
        let means = match (status.is_eligible, status.is_scored) {
            (true, _) => "scored",
            (false, true) => "scored, never selected",
            (false, false) => "not scored",
        };
        let reason = status.first_reason.as_ref().map_or(String::new(), |(row, reason)| {
            let reason = html(&shortened(reason, MAX_NAME));
            format!("<small>first row {}: <bdi>{reason}</bdi></small>", count(*row))
        });
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"text\">{means}{reason}</td></tr>",
            html(&status.status),
            count(status.n_rows),
            percent(share(status.n_rows, report.n_rows)),
        );
    }
    format!(
        "<div class=\"scroll\"><table class=\"statuses\"><thead><tr><th scope=\"col\">status</th>\
         <th scope=\"col\">rows</th><th scope=\"col\">share</th><th scope=\"col\" class=\"text\">losses</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}
