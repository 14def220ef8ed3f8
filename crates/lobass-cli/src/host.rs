//! Whom a command works for: people at a terminal, or a program that has this library inside.

use std::cell::Cell;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use clap::Parser as _;
use serde::Serialize;
use serde_json::Value;

use crate::args::Cli;
use crate::exit::Outcome;
use crate::ui::Ui;
use crate::{command, failure};

/// A program that runs commands inside its own process, and hears what people at a terminal would see.
pub trait Host: Send + Sync {
    /// A line about what is being done.
    fn note(&self, line: &str);

    /// A line that nobody should miss.
    fn warn(&self, line: &str);

    /// How far a stage is. Of stages that run beside each other, one is told.
    fn progress(&self, at: &Step<'_>);

    /// Whether to stop. It is asked before every unit of work, on the thread that began the command; what was
    /// committed before stays.
    fn is_interrupted(&self) -> bool;
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// Such as `tokenise` or `score base`.
    pub stage: &'a str,
    /// Rows done, those of earlier runs included.
    pub done: u64,
    /// All rows.
    pub all: u64,
    /// Tokens handled since the stage began in this process.
    pub n_tokens: u64,
}

/// Why a command that ran inside another program has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The arguments do not make a command; this is what the command line says to them.
    Arguments(String),
    /// The host wanted it to stop.
    Interrupted,
    /// It could not be done: the error with its causes and a hint, as the command line prints them.
    Failed(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(text) | Self::Failed(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted; what was committed stays"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The host of the command that is running, and what the command has to say at its end.
struct Hosted {
    host: Arc<dyn Host>,
    result: Option<Value>,
}

static HOSTED: Mutex<Option<Hosted>> = Mutex::new(None);
/// Whoever has it may run a command: one at a time, each on as many threads as it likes.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static RUNS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a command for a host, and gives the result that it would print with `--format json`. Rows that could not be
/// scored are no failure: the result counts them. A second command waits until the first is done.
///
/// `arguments` are those behind the program's name, of a command that prints one result.
///
/// # Errors
/// [`Refusal`] says why there is no result; a host that runs a command while it is told of another one is refused too.
///
/// ```
/// # use lobass_cli::{Host, Step, run_for};
/// struct Silent;
/// impl Host for Silent {
///     fn note(&self, _: &str) {}
///     fn warn(&self, _: &str) {}
///     fn progress(&self, _: &Step<'_>) {}
///     fn is_interrupted(&self) -> bool { false }
/// }
/// let strategies = run_for(std::sync::Arc::new(Silent), ["strategies"])?;
/// assert_eq!(strategies[0]["name"], "lobass");
/// # Ok::<(), lobass_cli::Refusal>(())
/// ```
pub fn run_for<A: Into<OsString>>(
    host: Arc<dyn Host>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Value, Refusal> {
    let program = OsString::from("lobass");
    let arguments = std::iter::once(program).chain(arguments.into_iter().map(Into::into));
    let cli = Cli::try_parse_from(arguments).map_err(|error| Refusal::Arguments(usage(&error)))?;
    if RUNS_HERE.get() {
        let what = "a command is running on this thread; it cannot run another one before it ends";
        return Err(Refusal::Failed(what.to_owned()));
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _visit = Visit::begin(host);
    match command::dispatch(cli.command, Ui::new(&cli.output)) {
        Ok(Outcome::Done | Outcome::Incomplete) => {
            let result = hosted().as_mut().and_then(|hosted| hosted.result.take());
            let result = result.context("the command has no result to give");
            result.map_err(|error| Refusal::Failed(failure::text(&error)))
        }
        Ok(Outcome::Unfinished) => {
            Err(Refusal::Failed("not everything is done yet; the same call goes on with it".to_owned()))
        }
        Err(_) if is_interrupted() => Err(Refusal::Interrupted),
        Err(error) => Err(Refusal::Failed(failure::text(&error))),
    }
}

/// What clap says, without the word that it begins with and the pointer to the help.
fn usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut text = text.strip_prefix("error: ").unwrap_or(&text);
    for end in ["\n\nUsage:", "\n\nFor more information"] {
        text = text.split_once(end).map_or(text, |(before, _)| before);
    }
    text.trim().to_owned()
}

/// The time in which there is a host.
struct Visit;

impl Visit {
    fn begin(host: Arc<dyn Host>) -> Self {
        RUNS_HERE.set(true);
        *hosted() = Some(Hosted { host, result: None });
        Self
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        *hosted() = None;
        RUNS_HERE.set(false);
    }
}

fn hosted() -> MutexGuard<'static, Option<Hosted>> {
    HOSTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The host of the command that is running, if it has one.
pub(crate) fn current() -> Option<Arc<dyn Host>> {
    hosted().as_ref().map(|hosted| hosted.host.clone())
}

/// Whether the host wants the command to stop.
pub(crate) fn is_interrupted() -> bool {
    current().is_some_and(|host| host.is_interrupted())
}

/// Keeps a result for the host; tells whether there is one.
pub(crate) fn take_result(result: &impl Serialize) -> anyhow::Result<bool> {
    let result = serde_json::to_value(result).context("the result as JSON")?;
    let mut hosted = hosted();
    let Some(hosted) = hosted.as_mut() else { return Ok(false) };
    hosted.result = Some(result);
    Ok(true)
}
