//! A report as text.

use std::fmt;

use lobass_core::readable::{Labelled, count, counted, percent};

use crate::{Finding, Report, RowAt, SourceReport, Spread};

/// Files of a source that are named.
const FILES: usize = 3;
/// Longer keys are hashes, which tell people nothing.
const LONGEST_KEY: usize = 24;

/// The report as lines: each source, each finding with rows, and what was skipped.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self;
        let mut text = Labelled::default();
        for one in &report.sources {
            source(&mut text, one);
        }
        for one in &report.findings {
            text.line("look at", one);
            for shown in &one.examples {
                let key = shown.at.key.as_deref().filter(|key| key.len() <= LONGEST_KEY);
                let key = key.map(|key| format!(" (`{key}`)")).unwrap_or_default();
                text.line("", format!("  row {}{key}: {}", shown.at.row, shown.detail));
                if let Some(beginning) = quoted(&shown.at) {
                    text.line("", beginning);
                }
                if let Some((other, beginning)) =
                    shown.other.as_ref().and_then(|other| Some((other, quoted(other)?)))
                {
                    text.line("", format!("  row {} of `{}`:", other.row, other.source));
                    text.line("", beginning);
                }
            }
            text.line("", format!("  to do: {}", one.advice));
        }
        for skipped in report.skipped.chunk_by(|left, right| left.reason == right.reason) {
            let names: Vec<&str> = skipped.iter().map(|skipped| skipped.check.name()).collect();
            let how = skipped[0].flag.map(|flag| format!(" (to run: `{flag}`)")).unwrap_or_default();
            text.line("skipped", format!("{}: {}{how}", names.join(", "), skipped[0].reason));
        }
        let rows = counted(report.n_rows(), "row");
        match report.findings.len() as u64 {
            0 => text.line("found", format!("nothing in {rows} needs a look")),
            n => text.line("found", format!("{} in {rows}", counted(n, "finding"))),
        }
        text.fmt(f)
    }
}

fn source(text: &mut Labelled, source: &SourceReport) {
    text.line("source", format!("`{}`, {}", source.source, counted(source.n_rows, "row")));
    for file in source.files.iter().take(FILES) {
        text.line("", format!("  {file}"));
    }
    if source.files.len() > FILES {
        text.line("", format!("  and {} more", counted((source.files.len() - FILES) as u64, "file")));
    }
    let mut line = |label, what: &str| text.line("", format!("  {label:10} {what}"));
    let counts = |counts: &mut dyn Iterator<Item = (String, u64)>| {
        counts.map(|(name, n)| format!("{} {name}", count(n))).collect::<Vec<_>>().join(", ")
    };
    line("rows", &counts(&mut source.statuses.iter().map(|(status, n)| (status.to_string(), *n))));
    line("turns", &counts(&mut source.roles.iter().map(|(role, n)| (role.clone(), *n))));
    let with = [
        ("several responses", source.n_several_responses),
        ("tools", source.n_tools),
        ("a thought", source.n_thoughts),
    ];
    let with = with.into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{} with {what}", count(n)));
    let with: Vec<String> = with.collect();
    if !with.is_empty() {
        line("of these", &with.join(", "));
    }
    for (label, spread) in [
        ("tokens", source.tokens),
        ("scored", source.scored_tokens),
        ("characters", source.response_characters.filter(|_| source.tokens.is_none())),
    ] {
        if let Some(found) = spread {
            line(label, &spread_text(&found));
        }
    }
    let near = match source.n_near_duplicates {
        Some(n) => format!(", {}", counted(n, "near duplicate")),
        None => String::new(),
    };
    line("alike", &format!("{}{near}", counted(source.n_duplicates, "exact duplicate")));
}

fn spread_text(spread: &Spread) -> String {
    let n = |number: u32| count(u64::from(number));
    format!(
        "{} in all; mean {:.1}, median {}, 90 % up to {}, 99 % up to {}, most {}",
        count(spread.total),
        spread.mean(),
        n(spread.median),
        n(spread.p90),
        n(spread.p99),
        n(spread.max)
    )
}

/// A finding in one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: `{}`, {} of {} ({}) with {}",
            self.check,
            self.source,
            count(self.n_rows),
            counted(self.n_of, "row"),
            percent(self.n_rows, self.n_of),
            self.what
        )
    }
}

/// How a row begins, on one line.
fn quoted(at: &RowAt) -> Option<String> {
    let text = at.text.as_ref()?;
    Some(format!("    \"{}\"", text.split_whitespace().collect::<Vec<_>>().join(" ")))
}
