//! The one way out: results to standard output, lines for people to standard error, or both to a host program.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use anyhow::Context as _;
use lobass_core::{Observer, StageProgress, is_invisible, visible, without_secrets};
use serde::Serialize;
use serde_json::Value;

use crate::args::{OutputArgs, OutputFormat};
use crate::layout::folded;
use crate::style::Styled;

/// Where a command speaks.
#[derive(Clone)]
pub(crate) struct Ui {
    format: OutputFormat,
    quiet: bool,
    /// Whether this is the one that reports progress, of stages that run at the same time.
    has_bar: bool,
    host: Option<Host>,
}

/// A program that runs a command in its own process.
#[derive(Clone)]
struct Host {
    observer: Arc<dyn Observer>,
    /// What the command printed, if this were a terminal.
    result: Arc<Mutex<Option<Value>>>,
}

impl Ui {
    /// Speaks to the standard streams of this process.
    pub(crate) fn new(args: &OutputArgs) -> Self {
        Self { format: args.format, quiet: args.quiet, has_bar: true, host: None }
    }

    /// Speaks to a host program.
    pub(crate) fn hosted(args: &OutputArgs, observer: Arc<dyn Observer>) -> Self {
        Self { host: Some(Host { observer, result: Arc::default() }), ..Self::new(args) }
    }

    /// Whether a progress bar would be seen.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && self.has_bar && self.host.is_none() && std::io::stderr().is_terminal()
    }

    /// Speaks without progress, while another stage reports its own.
    pub(crate) fn without_bar(&self) -> Self {
        Self { has_bar: false, ..self.clone() }
    }

    /// Leaves out notes.
    pub(crate) fn silent(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// The result of a command, as text or as JSON; a host takes it with [`Ui::take_result`].
    pub(crate) fn result(&self, text: impl Display, json: &impl Serialize) -> anyhow::Result<()> {
        if let Some(host) = &self.host {
            let value = serde_json::to_value(json).context("the result as JSON")?;
            *host.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            return Ok(());
        }
        match self.format {
            OutputFormat::Text => {
                let text = text.to_string();
                Ok(writeln!(std::io::stdout(), "{}", fitted(&visible(text.trim_end()), Stream::Out))?)
            }
            OutputFormat::Json => {
                Ok(writeln!(std::io::stdout(), "{}", escaped(&serde_json::to_string_pretty(json)?))?)
            }
        }
    }

    /// A result whose text has styles. It is not folded, since its lines are the data's own.
    pub(crate) fn styled_result(&self, text: &Styled, json: &impl Serialize) -> anyhow::Result<()> {
        if self.host.is_some() || self.format == OutputFormat::Json {
            return self.result("", json);
        }
        Ok(writeln!(anstream::stdout(), "{}", text.as_str().trim_end())?)
    }

    /// The result that the command of a host gave, if it gave one.
    pub(crate) fn take_result(&self) -> Option<Value> {
        self.host.as_ref()?.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Observer for Ui {
    fn note(&self, line: &str) {
        let line = one_line(line);
        if let Some(host) = &self.host {
            host.observer.note(&line);
        } else if !self.quiet {
            // A note that cannot be written is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{}", fitted(&line, Stream::Err));
        }
    }

    /// Warnings are printed with `--quiet` too.
    fn warn(&self, line: &str) {
        let line = one_line(line);
        if let Some(host) = &self.host {
            return host.observer.warn(&line);
        }
        let (bold, line) = (Style::new().bold(), format!("note: {line}"));
        let text = fitted(&line, Stream::Err);
        let _ = writeln!(anstream::stderr(), "{bold}note{bold:#}{}", text.trim_start_matches("note"));
    }

    /// On a terminal the bar of the stage shows it; a host gets it as it is.
    fn progress(&self, at: &StageProgress<'_>) {
        if let Some(host) = self.host.as_ref().filter(|_| self.has_bar) {
            host.observer.progress(at);
        }
    }

    fn is_interrupted(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.observer.is_interrupted())
    }
}

/// A stream of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// The columns of the terminal that it goes to, if it goes to one.
    pub(crate) fn width(self) -> Option<usize> {
        let size = match self {
            Self::Out => terminal_size::terminal_size_of(std::io::stdout()),
            Self::Err => terminal_size::terminal_size_of(std::io::stderr()),
        };
        size.map(|(width, _)| usize::from(width.0).max(20))
    }
}

/// Text whose lines fit the terminal that it goes to.
pub(crate) fn fitted(text: &str, stream: Stream) -> Cow<'_, str> {
    match stream.width() {
        Some(width) => Cow::Owned(folded(text, width)),
        None => Cow::Borrowed(text),
    }
}

/// A line of people's without the passwords of its addresses, which data cannot break into several.
fn one_line(line: &str) -> String {
    visible(&without_secrets(line)).replace('\n', "␊")
}

/// JSON in which what is invisible is written as escapes: the same values, and harmless on a terminal.
fn escaped(json: &str) -> Cow<'_, str> {
    if !json.contains(is_invisible) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            c if is_invisible(c) => {
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
            }
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// What another program reads as it stands.
pub(crate) fn raw(content: &[u8]) -> anyhow::Result<()> {
    std::io::stdout().write_all(content)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_and_harmless() {
        let value =
            serde_json::json!({"a\u{9b}": "\u{7f}\u{1b}[2J\u{202e}\u{e0001}\n", "b": ["é", "\u{200d}"]});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = escaped(&text);
        assert!(!shown.contains(is_invisible), "{shown}");
        assert!(shown.contains("\\u007f") && shown.contains("\\udb40\\udc01"), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn data_adds_no_lines_to_a_note() {
        assert_eq!(one_line("key `a\nerror: b\u{1b}[0m`"), "key `a␊error: b␛[0m`");
    }
}
