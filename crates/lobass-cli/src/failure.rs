//! Telling a person what went wrong, and what to do about it.

use std::io::{ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};

use crate::exit::{DONE, FAILED, UNFINISHED};

/// Prints an error with its causes, and a hint where there is one.
pub(crate) fn report(error: &anyhow::Error) -> u8 {
    if is_broken_pipe(error) {
        return DONE; // whoever reads our output has seen enough
    }
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let text = format!("{red}error{red:#}: {}\n", styled(error));
    // There is nobody left to tell if this fails.
    let _ = anstream::stderr().write_all(text.as_bytes());
    if may_pass(error) { UNFINISHED } else { FAILED }
}

/// The same without colors, for programs.
pub(crate) fn text(error: &anyhow::Error) -> String {
    anstream::adapter::strip_str(&styled(error)).to_string()
}

/// An error with its causes, and a hint where there is one.
fn styled(error: &anyhow::Error) -> String {
    let bold = Style::new().bold();
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        text += &format!("\n  {bold}because{bold:#}: {cause}");
    }
    if let Some(hint) = error.chain().find_map(hint) {
        text += &format!("\n\n{bold}hint{bold:#}: {hint}");
    }
    text
}

/// Whether the same command may do it later, without anybody's doing.
fn may_pass(error: &anyhow::Error) -> bool {
    let passes = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(lobass_run::Error::Store { again: true, .. }))
    };
    error.chain().any(passes)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}

/// What there is to do when a place could not be reached.
const AGAIN: &str = "nothing that was done is lost: run the same command again when the place can be reached";

/// What there is to do when the system refuses.
fn of_system(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Some("nothing that was done is lost: make room, and run the same command again")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Some("nothing that was done is lost: name a place that can be written, or have this one made so")
        }
        _ => None,
    }
}

fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return of_system(error.kind());
    }
    if let Some(error) = cause.downcast_ref::<lobass_data::Error>() {
        return match error {
            lobass_data::Error::UnknownFormat { .. } => Some(
                "say which columns hold what, as in `--columns prompt=question,response=reply` or \
                 `--columns messages=dialog`",
            ),
            lobass_data::Error::MissingColumn { .. } => {
                Some("`--columns` says which of the columns that are there hold what")
            }
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<lobass_run::Error>() {
        return match error {
            lobass_run::Error::Overlong { .. } => {
                Some("`--overlong drop` leaves such rows out, `--overlong truncate` cuts them")
            }
            lobass_run::Error::Quarantined { .. } => Some(
                "`lobass worker --retry-quarantined` tries them again, `lobass seal --allow-quarantined N` goes without",
            ),
            lobass_run::Error::Mixture { .. } => {
                Some("plan anew, in another place, and have every worker run the same version")
            }
            lobass_run::Error::Store { kind, .. } => Some(kind.and_then(of_system).unwrap_or(AGAIN)),
            _ => None,
        };
    }
    if let Some(lobass_select::SelectError::NoReference { .. }) = cause.downcast_ref() {
        return Some("`lobass score --reference` adds the losses of a second model");
    }
    None
}
