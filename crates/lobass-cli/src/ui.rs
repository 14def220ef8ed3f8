//! The one way out: results to standard output, lines for people to standard error, or both to a host program.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use anyhow::Context as _;
use lobass_core::{Observer, StageProgress};
use serde::Serialize;
use serde_json::Value;

use crate::args::{OutputArgs, OutputFormat};

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
        let mut out = anstream::stdout();
        match self.format {
            OutputFormat::Text => writeln!(out, "{}", text.to_string().trim_end())?,
            OutputFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(json)?)?,
        }
        Ok(())
    }

    /// The result that the command of a host gave, if it gave one.
    pub(crate) fn take_result(&self) -> Option<Value> {
        self.host.as_ref()?.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Observer for Ui {
    fn note(&self, line: &str) {
        if let Some(host) = &self.host {
            host.observer.note(line);
        } else if !self.quiet {
            // A note that cannot be written is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }

    /// Warnings are printed with `--quiet` too.
    fn warn(&self, line: &str) {
        if let Some(host) = &self.host {
            return host.observer.warn(line);
        }
        let bold = Style::new().bold();
        let _ = writeln!(anstream::stderr(), "{bold}note{bold:#}: {line}");
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

/// What another program reads as it stands.
pub(crate) fn raw(content: &[u8]) -> anyhow::Result<()> {
    std::io::stdout().write_all(content)?;
    Ok(())
}
