//! One page that needs nothing else: drawings are in it as SVG, and without a script all of it is still there.

mod chart;
mod examples;
mod histogram;
mod plane;
mod regions;
mod tables;

use std::fmt::Write as _;

pub use examples::MAX_EXAMPLE_BYTES;

use lobass_select::Border;

use crate::escape::html;
use crate::measure::Plane;
use crate::number::{correlation, count, counted, percent, plain, share};
use crate::report::{Report, View};
use chart::figure;
use examples::Room;
use plane::{Line, Tips};

const STYLE: &str = include_str!("style.css");
const DARK: &str = include_str!("dark.css");
const SCRIPT: &str = include_str!("script.js");

/// With more strategies the page says nothing of what is under the pointer, so that it stays small.
const MAX_TIPS: usize = 8;
/// The maximal size of a page, as far as leaving out examples can keep to it.
const MAX_BYTES: usize = 1_900_000;

/// Makes the page of a report: one file that loads nothing.
///
/// It is at most some 2 MB, whatever the report. All text of the report is escaped.
pub fn to_html(report: &Report) -> String {
    let mut page = String::with_capacity(1 << 20);
    let title = html(&report.title);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title} · lobass</title>\n<style>\n{}{}</style>\n</head>\n<body>\n",
        STYLE.replace("/* dark */", DARK),
        shown_panels(report.views.len())
    );
    page += &head(report);
    page += "<main>\n";
    page += &section("glance", "Strategies at a glance", "", &tables::glance(report));
    page += "<div class=\"pair\">\n";
    if report.views.len() > 1 {
        page += &section("overlap", "Where strategies agree", "", &tables::overlaps(report));
    }
    page += &section("statuses", "Rows by status", "", &tables::statuses(report));
    page += "</div>\n";
    if let Some(part) = &report.regions {
        page += &section("regions", "What was taught, region by region", "", &regions::draw(part));
    }
    page += &panels(report);
    page += &section("repeat", "To repeat it", "", &commands(report));
    page += &section("manifest", "What the numbers depend on", "", &manifest(report));
    let _ = write!(page, "</main>\n<footer>{}</footer>\n<div id=\"tip\" hidden></div>\n", html(&report.tool));
    let _ = write!(page, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

/// Which panel is shown is a matter of style alone: the one whose button is on.
fn shown_panels(n_views: usize) -> String {
    let rule = |at: usize| {
        format!(
            "body:has(#s{at}:checked) #v{at}{{display:block}}body:has(#s{at}:checked) [for=s{at}]{{--on:1}}\n"
        )
    };
    let rules: String = (0..n_views).map(rule).collect();
    format!("@supports selector(:has(*)){{\n.view{{display:none}}\n{rules}}}\n")
}

fn section(id: &str, heading: &str, class: &str, content: &str) -> String {
    format!("<section id=\"{id}\" class=\"{class}\"><h2>{}</h2>\n{content}</section>\n", html(heading))
}

fn head(report: &Report) -> String {
    let fact = |value: String, what: &str| format!("<div><dt>{what}</dt><dd>{value}</dd></div>");
    let mut facts = vec![
        fact(count(report.n_rows), "rows in the pool"),
        fact(
            format!(
                "{} <small>{}</small>",
                count(report.n_scored_rows),
                percent(share(report.n_scored_rows, report.n_rows))
            ),
            "rows scored",
        ),
        fact(count(report.n_tokens), "tokens"),
        fact(count(report.n_scored_tokens), "scored tokens"),
        fact(html(&report.budget), "budget"),
        fact(report.seed.to_string(), "seed"),
    ];
    let roles = report.manifest["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !roles.is_empty() {
        facts.push(fact(count(roles.len() as u64), if roles.len() == 1 { "model" } else { "models" }));
    }
    format!(
        "<header class=\"top\"><div><p class=\"brand\">lobass report</p><h1>{}</h1></div>\
         <button id=\"theme\" type=\"button\" hidden>theme</button><dl>{}</dl></header>\n",
        html(&report.title),
        facts.concat()
    )
}

fn panels(report: &Report) -> String {
    let buttons: String = report
        .views
        .iter()
        .enumerate()
        .map(|(at, view)| {
            let checked = if at == 0 { " checked" } else { "" };
            format!(
                "<input type=\"radio\" name=\"strategy\" id=\"s{at}\"{checked}><label for=\"s{at}\">{}</label>",
                html(&view.strategy)
            )
        })
        .collect();
    let charts: Vec<String> =
        report.views.iter().enumerate().map(|(at, view)| charts(report, view, at)).collect();
    let mut room = Room::of(report, MAX_BYTES.saturating_sub(charts.iter().map(String::len).sum()));
    let panels = report.views.iter().zip(&charts).enumerate();
    let views: String =
        panels.map(|(at, (view, charts))| panel(report, view, at, charts, &mut room)).collect();
    format!(
        "<section id=\"strategies\"><h2>Strategy by strategy</h2><fieldset class=\"tabs\"><legend>Strategy</legend>{buttons}</fieldset>\n{views}</section>\n"
    )
}

/// The drawings of one strategy.
fn charts(report: &Report, view: &View, at: usize) -> String {
    let mut figures = String::new();
    match &view.losses {
        Some(losses) => figures += &loss_figure(report, view, losses, at),
        None => {
            figures += &figure(
                "Base against reference loss",
                "This table has the losses of one model. <code>lobass score --reference</code> adds those of a second one.",
                "",
                "",
            );
        }
    }
    figures += &score_figure(view, at);
    figures + &length_figure(report, view, at)
}

fn panel(report: &Report, view: &View, at: usize, figures: &str, room: &mut Room) -> String {
    let keeps = if view.keeps_high { "high" } else { "low" };
    let sources = figure(
        "Share by source, before and after",
        &format!("{} in the pool, {} kept.", counted(report.n_rows, "row"), count(view.n_selected)),
        &tables::sources(view),
        "",
    );
    let examples = examples::draw(report, view, room);
    let examples = match examples.as_str() {
        "" => String::new(),
        _ => format!(
            "<div class=\"examples\"><h3>Examples</h3>{}<div class=\"groups\">{examples}</div></div>",
            examples::legend(report)
        ),
    };
    format!(
        "<div class=\"view\" id=\"v{at}\"><p class=\"lead\"><b>{}</b>: {}; {keeps} scores are kept. Source: {}.</p>\n\
         <div class=\"figures\">{figures}</div>\n<div class=\"wide\">{sources}</div>\n{examples}</div>\n",
        html(&view.strategy),
        html(&view.score),
        html(&view.origin)
    )
}

fn loss_figure(report: &Report, view: &View, losses: &Plane, at: usize) -> String {
    let tips = match at {
        _ if report.views.len() > MAX_TIPS => Tips::None,
        0 => Tips::Own,
        _ => Tips::Like("l0"),
    };
    let lines = loss_lines(view, losses);
    let reading = if lines.len() > 1 {
        "Below the diagonal the reference does better than the base. The dashed line is where this strategy stops."
    } else {
        "Below the diagonal the reference does better than the base."
    };
    let what = format!(
        "Each of {} by its mean loss under the base, across, and under the reference, up; {} are kept by {}.",
        counted(losses.n_rows, "row"),
        count(view.n_selected),
        view.strategy
    );
    let drawing = plane::draw(&format!("l{at}"), "Base against reference loss", &what, losses, &lines, &tips);
    figure("Base against reference loss", reading, &drawing, &plane::legend(losses))
}

/// The diagonal, and the border of the selection where it is a line in this plane.
fn loss_lines(view: &View, plane: &Plane) -> Vec<Line> {
    let (min, max) = (plane.x.min, plane.x.max);
    let mut lines = vec![Line { class: "diagonal", points: vec![(min, min), (max, max)] }];
    let points = match view.line {
        Some(Border::Sloped { slope, offset }) => clipped(min, max, |x| slope * x + offset),
        Some(Border::Base(x)) if plane.x.contains(x) => vec![(x, min), (x, max)],
        Some(Border::Base(_)) | None => Vec::new(),
    };
    if !points.is_empty() {
        lines.push(Line { class: "border", points });
    }
    lines
}

/// The part of a straight line inside a square, as its two ends.
fn clipped(min: f64, max: f64, y: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let inside: Vec<(f64, f64)> = (0..=400)
        .map(|at| min + (max - min) * f64::from(at) / 400.0)
        .map(|x| (x, y(x)))
        .filter(|(_, y)| (min..=max).contains(y))
        .collect();
    match (inside.first(), inside.last()) {
        (Some(first), Some(last)) if first != last => vec![*first, *last],
        _ => Vec::new(),
    }
}

fn excluded(view: &View) -> String {
    let reasons = view.excluded.iter();
    reasons.map(|one| format!(" Left out are {}: {}.", counted(one.n_rows, "row"), html(&one.why))).collect()
}

fn score_figure(view: &View, at: usize) -> String {
    let border = view.border();
    let candidates = counted(view.n_eligible, "candidate");
    let mut reading = match view.kept_scores {
        Some((best, worst)) => {
            let n_kept = count(view.n_selected);
            format!(
                "Of {candidates} {n_kept} are kept, with scores from {} to {}.",
                plain(best),
                plain(worst)
            )
        }
        None => format!("Of {candidates} no row is kept."),
    };
    reading += &excluded(view);
    if view.histogram.n_outside > 0 {
        let _ = write!(
            reading,
            " The bins at the ends hold {} that lie beyond them.",
            count(view.histogram.n_outside)
        );
    }
    let drawing = histogram::draw(
        &format!("h{at}"),
        "Scores",
        &format!("How many rows have which {} score.", view.strategy),
        &view.histogram,
        border,
    );
    let legend = "<p class=\"legend\"><span><i class=\"dot pool\"></i>candidates</span><span><i class=\"dot kept\"></i>kept</span></p>";
    figure("Scores", &reading, &drawing, &format!("{legend}{}", histogram::numbers(&view.histogram)))
}

fn length_figure(report: &Report, view: &View, at: usize) -> String {
    let tips = if report.views.len() > MAX_TIPS { Tips::None } else { Tips::Own };
    let reading = format!(
        "Spearman correlation <b>{}</b>. The line is the running median. Responses average {:.0} tokens, {:.0} among the kept.",
        correlation(view.length_correlation),
        view.mean_scored_tokens.0,
        view.mean_scored_tokens.1
    );
    let what = format!(
        "Each of {} by its scored tokens, across, and its {} score, up.",
        counted(view.lengths.n_rows, "row"),
        view.strategy
    );
    let line = Line { class: "median", points: view.lengths.medians.clone() };
    let drawing =
        plane::draw(&format!("n{at}"), "Score against length", &what, &view.lengths, &[line], &tips);
    figure("Score against length", &reading, &drawing, &plane::legend(&view.lengths))
}

fn commands(report: &Report) -> String {
    let one = |command: &crate::report::Command| {
        format!("<p>{}</p><pre><code>{}</code></pre>", html(&command.what), html(&command.line))
    };
    report.commands.iter().map(one).collect()
}

/// Characters of a manifest that are shown.
const MAX_MANIFEST: usize = 60_000;

fn manifest(report: &Report) -> String {
    let json = serde_json::to_string_pretty(&report.manifest).unwrap_or_default();
    let shown = crate::escape::shortened(&json, MAX_MANIFEST);
    format!(
        "<p>The manifest of the score table. Digests decide; paths are for people.</p>\
         <details><summary>Manifest</summary><pre><code>{}</code></pre></details>",
        html(&shown)
    )
}
