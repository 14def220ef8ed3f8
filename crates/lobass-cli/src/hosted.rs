//! Commands inside another program.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use lobass_core::Observer;
use serde_json::Value;

use crate::args::Cli;
use crate::exit::Outcome;
use crate::ui::Ui;
use crate::{command, environment, failure};

/// Why a command that ran inside another program has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The arguments do not make a command; this is what the command line prints about them.
    Arguments(String),
    /// The observer asked it to stop.
    Interrupted,
    /// It could not be done: the error with its causes and a hint, as the command line prints them.
    Failed(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(text) | Self::Failed(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted; finished work is kept"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Runs a command inside this process, and returns the result that it would print with `--format json`. Rows that could
/// not be scored are no failure: the result counts them.
///
/// `arguments` are those behind the program's name, of a command that prints one result. The observer gets what people
/// at a terminal would see, on whichever thread it arises. Commands may run at the same time, each with a separate
/// observer; each uses as many threads as `--threads` says.
///
/// # Errors
/// [`Refusal`] says why there is no result.
///
/// ```
/// # use lobass_cli::run_for;
/// let strategies = run_for(std::sync::Arc::new(lobass_core::Silent), ["strategies"])?;
/// assert_eq!(strategies[0]["name"], "lobass");
/// # Ok::<(), lobass_cli::Refusal>(())
/// ```
pub fn run_for<A: Into<OsString>>(
    observer: Arc<dyn Observer>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Value, Refusal> {
    run_for_by(None, observer, arguments)
}

/// Runs a command as [`run_for`] does, where `program` starts this program: `python -m lobass`, for example.
///
/// # Errors
/// [`run_for`] under another program name.
pub fn run_for_as<A: Into<OsString>>(
    program: Vec<OsString>,
    observer: Arc<dyn Observer>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Value, Refusal> {
    run_for_by(Some(program), observer, arguments)
}

fn run_for_by<A: Into<OsString>>(
    program: Option<Vec<OsString>>,
    observer: Arc<dyn Observer>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Value, Refusal> {
    let name = OsString::from("lobass");
    let arguments = std::iter::once(name).chain(arguments.into_iter().map(Into::into));
    let cli = Cli::read(arguments).map_err(|error| Refusal::Arguments(usage(&error)))?;
    let ui = Ui::hosted(&cli.output, &environment::runtime(program), observer);
    match command::dispatch(cli.command, &ui) {
        Ok(Outcome::Done | Outcome::Incomplete) => {
            let result = ui.take_result().context("the command has no result to give");
            result.map_err(|error| Refusal::Failed(failure::text(&error)))
        }
        Ok(Outcome::Unfinished) => {
            Err(Refusal::Failed("not everything is done yet; the same call goes on with it".to_owned()))
        }
        Err(_) if ui.is_interrupted() => Err(Refusal::Interrupted),
        Err(error) => Err(Refusal::Failed(failure::text(&error))),
    }
}

/// The message of clap, without its first word and the pointer to the help.
fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut text = text.strip_prefix("error: ").unwrap_or(&text);
    for end in ["\n\nUsage:", "\n\nFor more information"] {
        text = text.split_once(end).map_or(text, |(before, _)| before);
    }
    text.trim().to_owned()
}
