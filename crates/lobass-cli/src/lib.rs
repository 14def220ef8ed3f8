//! The lobass command line, as a library so that tests can run it.
//!
//! Arguments (`args`) become settings, and every command (`command`) calls the library [`lobass`]. This is the only crate
//! that prints, reads the environment, or exits. Results go to standard output; everything for people on the way goes
//! to standard error.
//!
//! A program that has an [`Observer`] runs commands in its own process with [`run_for`]: by the
//! same path, with results as JSON values.

mod args;
mod command;
mod environment;
mod exit;
mod failure;
mod hosted;
mod interrupt;
mod layout;
mod markdown;
mod progress;
mod stream;
mod style;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Cli;
pub use exit::{DONE, FAILED, INCOMPLETE, UNFINISHED};
pub use hosted::{Refusal, run_for, run_for_as};
pub use lobass_core::{Observer, StageProgress};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// Runs a command line, which begins with the program's name, and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    run_by(None, arguments)
}

/// Runs a command line as [`run`] does, where `program` starts this program: `python -m lobass`, for example.
pub fn run_as(program: Vec<OsString>, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    run_by(Some(program), arguments)
}

fn run_by(program: Option<Vec<OsString>>, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::read(arguments.clone()) {
        Ok(cli) => cli,
        Err(error) => {
            // A failure here cannot be reported.
            let _ = error.print();
            return if error.use_stderr() { FAILED } else { DONE };
        }
    };
    #[cfg(unix)]
    if cli.command.can_be_taken_up()
        && let Err(error) = interrupt::announce()
    {
        return failure::report(&anyhow::Error::new(error).context("a handler of signals"));
    }
    let ui = ui::Ui::new(&cli.output, &environment::runtime(program), &arguments);
    match command::dispatch(cli.command, &ui) {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => failure::report(&error),
    }
}
