//! Telling a person what went wrong, and what to do about it.

use std::error::Error as StdError;
use std::io::{ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use lobass::Error;
use lobass_core::{visible, without_secrets};

use crate::exit::{DONE, FAILED, UNFINISHED};
use crate::stream::{Stream, fitted};
use crate::style::Styled;

/// Prints an error with its causes, and a hint where there is one.
pub(crate) fn report(error: &anyhow::Error) -> u8 {
    if is_broken_pipe(error) {
        return DONE; // the reader of our output has seen enough
    }
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mut styled = Styled::default();
    styled.push(red, ERROR);
    let shown = format!("{ERROR}: {}\n", text(error));
    // The label is present when lines are folded, since it takes room.
    for line in fitted(&shown, Stream::Err).trim_start_matches(ERROR).split_inclusive('\n') {
        let label = LABELS
            .iter()
            .find(|label| line.trim_start().strip_prefix(**label).is_some_and(|rest| rest.starts_with(": ")));
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let (label, rest) = rest.split_at(label.map_or(0, |label| label.len()));
        styled.plain(indent);
        styled.push(if label.is_empty() { Style::new() } else { Style::new().bold() }, label);
        styled.plain(rest);
    }
    // A failure here cannot be reported.
    let _ = anstream::stderr().write_all(styled.as_str().as_bytes());
    if may_pass(error) { UNFINISHED } else { FAILED }
}

/// The word that begins an error.
const ERROR: &str = "error";
/// Words that begin a line of an error, in bold.
const LABELS: [&str; 2] = ["because", "hint"];

/// An error with its causes, and a hint where there is one; several errors one below the other. What is invisible in
/// text of the data is shown as signs.
pub(crate) fn text(error: &anyhow::Error) -> String {
    text_of(error.as_ref())
}

fn text_of(error: &(dyn StdError + 'static)) -> String {
    match error.downcast_ref::<Error>() {
        Some(Error::Several(errors)) => {
            let each = errors.iter().zip(1..).map(|(error, number)| format!("{number}. {}", text_of(error)));
            let each: Vec<String> =
                each.map(|text| text.replace("\n\n", "\n").replace('\n', "\n     ")).collect();
            format!("{} things are wrong\n  {}", errors.len(), each.join("\n  "))
        }
        _ => text_of_one(error),
    }
}

fn text_of_one(error: &(dyn StdError + 'static)) -> String {
    let mut text = paragraph(error);
    for cause in causes(error).skip(1) {
        text += &format!("\n  because: {}", paragraph(cause));
    }
    if let Some(hint) = causes(error).find_map(lobass::hint) {
        text += &format!("\n\nhint: {hint}");
    }
    text
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| StdError::source(*error))
}

/// A message without the passwords of its addresses, whose further lines are indented, so that none of them looks like a
/// message of ours.
fn paragraph(message: impl std::fmt::Display) -> String {
    visible(&without_secrets(&message.to_string())).replace('\n', "\n    ")
}

/// Whether the same command may do it later, without a change.
fn may_pass(error: &anyhow::Error) -> bool {
    causes(error.as_ref()).map(lobass::inner).any(|cause| {
        matches!(cause.downcast_ref(), Some(lobass_run::Error::Store { again: true, .. }))
            || matches!(cause.downcast_ref(), Some(Error::Unfinished(_)))
            || cause.downcast_ref().is_some_and(lobass_hub::Error::may_pass)
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    causes(error.as_ref()).map(lobass::inner).any(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_errors_stand_below_each_other() {
        let cause = lobass_data::Error::MissingColumn {
            path: "p.jsonl".into(),
            column: "x\u{1b}[2J\nerror: no".to_owned(),
            columns: Vec::new(),
        };
        let faults = vec![Error::Model("no model".to_owned()), Error::from(cause).within("the data")];
        let text = text(&Error::Several(faults).into());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["2 things are wrong", "  1. no model", "  2. the data"], "{text}");
        assert!(text.contains("\n       because: ") && text.contains("x␛[2J\n         error: no"), "{text}");
        assert!(lines.last().unwrap().starts_with("     hint: "), "{text}");
    }
}
