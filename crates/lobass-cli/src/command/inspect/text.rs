//! A row as styled text.

use anstyle::{AnsiColor, Style};
use lobass::inspect::{Inspection, Shown};

use crate::layout::table;
use crate::stream::{Stream, fitted};
use crate::style::Styled;

/// The facts of a row, its text, and its losses.
pub(super) fn styled(row: &Inspection, shown: &Shown) -> Styled {
    let mut text = Styled::default();
    text.plain(&fitted(&format!("{row}\n"), Stream::Out));
    mark_text(&mut text, shown);
    text.plain(&loss_table(shown));
    text
}

/// Adds the text. Scored runs have brackets and a color, the border token is underlined.
fn mark_text(text: &mut Styled, Shown { trace, tokens, .. }: &Shown) {
    let scored = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let border = Style::new().fg_color(Some(AnsiColor::Yellow.into())).underline();
    let mut at = 0;
    let mut open = false;
    for (token, &(start, end)) in trace.offsets.iter().enumerate() {
        if trace.scored[token] != open {
            open = !open;
            text.plain(if open { "⟦" } else { "⟧" });
        }
        // Tokens of one character share its bytes, and inserted ones have none.
        let piece = if start == end {
            tokens[token].clone().unwrap_or_default()
        } else {
            trace.text.get(start.max(at)..end).unwrap_or_default().to_owned()
        };
        at = at.max(end);
        let style = match (trace.border == Some(token), trace.scored[token]) {
            (true, _) => border,
            (false, true) => scored,
            (false, false) => Style::new(),
        };
        text.push(style, &piece);
    }
    text.plain(if open { "⟧\n\n" } else { "\n\n" });
}

fn loss_table(Shown { trace, tokens, losses }: &Shown) -> String {
    if losses.is_empty() {
        return String::new();
    }
    let scored = trace.scored.iter().enumerate().filter_map(|(token, &counts)| counts.then_some(token));
    let rows: Vec<Vec<String>> = scored
        .enumerate()
        .map_while(|(at, token)| {
            let piece = tokens[token].clone().unwrap_or_default();
            let mut row = vec![format!("{piece:?}"), token.to_string()];
            for model in losses {
                row.push(format!("{:.4}", model.losses.get(at)?));
            }
            if let [base, reference] = losses.as_slice() {
                row.push(format!("{:+.4}", reference.losses.get(at)? - base.losses.get(at)?));
            }
            Some(row)
        })
        .collect();
    let roles: Vec<String> = losses.iter().map(|model| model.role.to_string()).collect();
    let mut headings = vec!["token", "at"];
    headings.extend(roles.iter().map(String::as_str));
    if losses.len() == 2 {
        headings.push("change");
    }
    format!("{}\n", table(&headings, &rows, Stream::Out.width()))
}
