//! The lobass command line, as a library so that tests can run it.
//!
//! Arguments (`args`) are turned into data, models, and settings (`inputs`, `models`), and every command
//! (`command`) calls the libraries. This is the only crate that prints, reads the environment, or exits. Results go to
//! standard output; everything for people on the way goes to standard error.
//!
//! A program that has an [`Observer`] runs commands in its own process with [`run_for`]: by the
//! same path, with results as JSON values.

mod again;
mod args;
mod command;
mod device;
mod exit;
mod failure;
mod faults;
mod hosted;
mod hub;
mod inputs;
mod interrupt;
mod layout;
mod markdown;
mod models;
mod outputs;
mod part;
mod placement;
mod progress;
mod scored_pool;
mod settings;
mod shell;
mod stages;
mod style;
mod text;
mod training_record;
mod ui;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;

pub use again::set_program;
use args::Cli;
pub use exit::{DONE, FAILED, INCOMPLETE, UNFINISHED};
pub use hosted::{Refusal, run_for};
pub use lobass_core::{Observer, StageProgress};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// Runs a command line, which begins with the program's name, and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    again::remember(&arguments);
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // There is nobody left to tell if this fails.
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
    let ui = ui::Ui::new(&cli.output);
    match command::dispatch(cli.command, &ui) {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => failure::report(&error),
    }
}
