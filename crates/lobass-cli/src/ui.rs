//! What goes where: results to standard output, words for people to standard error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use anstyle::Style;
use serde::Serialize;

use crate::args::{OutputArgs, OutputFormat};
use crate::host;

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    format: OutputFormat,
    quiet: bool,
    has_bar: bool,
}

impl Ui {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        Self { format: args.format, quiet: args.quiet, has_bar: true }
    }

    /// Whether a progress bar would be seen.
    pub(crate) fn shows_progress(self) -> bool {
        !self.quiet && self.has_bar && host::current().is_none() && std::io::stderr().is_terminal()
    }

    /// Whether this is what is told of progress, of stages that run beside each other.
    pub(crate) fn has_bar(self) -> bool {
        self.has_bar
    }

    /// Speaks without progress bars, while another one is on.
    pub(crate) fn without_bar(self) -> Self {
        Self { has_bar: false, ..self }
    }

    /// Says nothing on the way.
    pub(crate) fn silent(self) -> Self {
        Self { quiet: true, ..self }
    }

    pub(crate) fn format(self) -> OutputFormat {
        self.format
    }

    /// A line for people on the way.
    pub(crate) fn note(self, line: impl Display) {
        if let Some(host) = host::current() {
            host.note(&line.to_string());
        } else if !self.quiet {
            // A note that cannot be written is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }

    /// The result of a command, as text or as JSON.
    pub(crate) fn result(self, text: impl Display, json: &impl Serialize) -> anyhow::Result<()> {
        if host::take_result(json)? {
            return Ok(());
        }
        let mut out = anstream::stdout();
        match self.format {
            OutputFormat::Text => writeln!(out, "{}", text.to_string().trim_end())?,
            OutputFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(json)?)?,
        }
        Ok(())
    }
}

/// What another program reads as it stands.
pub(crate) fn raw(content: &[u8]) -> anyhow::Result<()> {
    std::io::stdout().write_all(content)?;
    Ok(())
}

/// A line that people should not miss, however quiet.
pub(crate) fn warn(line: impl Display) {
    if let Some(host) = host::current() {
        return host.warn(&line.to_string());
    }
    let bold = Style::new().bold();
    let _ = writeln!(anstream::stderr(), "{bold}note{bold:#}: {line}");
}
