//! The one way out: results to standard output, lines for people to standard error, or both to a host program.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use anyhow::Context as _;
use lobass::Runtime;
use lobass_core::{Observer, StageProgress, is_invisible, visible, without_secrets};
use serde::Serialize;
use serde_json::Value;

use crate::args::{OutputArgs, OutputFormat};
use crate::progress::{Bars, Stages};
use crate::stream::{Stream, fitted};
use crate::style::Styled;

/// Where a command speaks.
#[derive(Clone)]
pub(crate) struct Ui {
    format: OutputFormat,
    /// The result of the command, if it runs inside another program.
    result: Option<Arc<Mutex<Option<Value>>>>,
    runtime: Runtime,
    /// The command line without the program's name.
    arguments: Arc<[OsString]>,
}

impl Ui {
    /// Speaks to the standard streams of this process, for a command line that begins with the program's name.
    pub(crate) fn new(args: &OutputArgs, runtime: &Runtime, arguments: &[OsString]) -> Self {
        let terminal = Terminal { quiet: args.quiet, bars: Bars::default() };
        let runtime = runtime.observed_by(Arc::new(terminal));
        Self {
            format: args.format,
            result: None,
            runtime,
            arguments: arguments.iter().skip(1).cloned().collect(),
        }
    }

    /// Speaks to a host program.
    pub(crate) fn hosted(args: &OutputArgs, runtime: &Runtime, observer: Arc<dyn Observer>) -> Self {
        let hosted = Hosted { observer, quiet: args.quiet, stages: Stages::default() };
        let runtime = runtime.observed_by(Arc::new(hosted));
        Self { format: args.format, result: Some(Arc::default()), runtime, arguments: Arc::default() }
    }

    /// The runtime for calls of the library; it reports to this.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The command line without the program's name; a hosted command has none.
    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Leaves out notes, warnings, and progress.
    pub(crate) fn silent(&self) -> Self {
        Self { runtime: self.runtime.silent(), ..self.clone() }
    }

    pub(crate) fn note(&self, line: &str) {
        self.runtime.note(line);
    }

    pub(crate) fn warn(&self, line: &str) {
        self.runtime.warn(line);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.runtime.is_interrupted()
    }

    /// The result of a command, as text or as JSON; a host takes it with [`Ui::take_result`].
    pub(crate) fn result(&self, text: impl Display, json: &impl Serialize) -> anyhow::Result<()> {
        if let Some(result) = &self.result {
            let value = serde_json::to_value(json).context("the result as JSON")?;
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
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
        if self.result.is_some() || self.format == OutputFormat::Json {
            return self.result("", json);
        }
        Ok(writeln!(anstream::stdout(), "{}", text.as_str().trim_end())?)
    }

    /// The result that the command of a host gave, if it gave one.
    pub(crate) fn take_result(&self) -> Option<Value> {
        self.result.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The standard streams of this process.
struct Terminal {
    quiet: bool,
    bars: Bars,
}

impl Terminal {
    fn print(&self, line: &str) {
        // A line that cannot be written is no reason to stop.
        self.bars.suspended(|| {
            let _ = writeln!(std::io::stderr(), "{}", fitted(line, Stream::Err));
        });
    }
}

impl Observer for Terminal {
    fn note(&self, line: &str) {
        if !self.quiet {
            self.print(&one_line(line));
        }
    }

    /// Warnings are printed with `--quiet` too.
    fn warn(&self, line: &str) {
        let (bold, line) = (Style::new().bold(), format!("note: {}", one_line(line)));
        let text = fitted(&line, Stream::Err);
        self.bars.suspended(|| {
            let _ = writeln!(anstream::stderr(), "{bold}note{bold:#}{}", text.trim_start_matches("note"));
        });
    }

    fn progress(&self, at: &StageProgress<'_>) {
        let draws = !self.quiet && std::io::stderr().is_terminal();
        if let Some(line) = self.bars.show(at, draws) {
            self.note(&line);
        }
    }

    fn is_interrupted(&self) -> bool {
        false
    }
}

/// A host program. It gets the lines of a log too: where a stage is now and then, and how it ended.
struct Hosted {
    observer: Arc<dyn Observer>,
    quiet: bool,
    stages: Stages,
}

impl Observer for Hosted {
    fn note(&self, line: &str) {
        if !self.quiet {
            self.observer.note(&one_line(line));
        }
    }

    fn warn(&self, line: &str) {
        self.observer.warn(&one_line(line));
    }

    fn progress(&self, at: &StageProgress<'_>) {
        self.observer.progress(at);
        if let Some(line) = self.stages.line(at) {
            self.note(&line);
        }
    }

    fn is_interrupted(&self) -> bool {
        self.observer.is_interrupted()
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

/// Output that another program reads, unchanged.
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
