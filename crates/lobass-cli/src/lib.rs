//! The lobass command line, as a library so that tests can run it.
//!
//! Arguments (`args`) are turned into data, models, and settings (`inputs`, `models`), and every command
//! (`command`) calls the libraries. This is the only crate that prints, reads the environment, or exits. Results go to
//! standard output; everything for people on the way goes to standard error.

mod args;
mod command;
mod device;
mod exit;
mod failure;
mod hub;
mod inputs;
mod markdown;
mod models;
mod outputs;
mod placement;
mod progress;
mod scored_pool;
mod settings;
mod stages;
mod text;
mod ui;
mod work;

use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;
pub use exit::{DONE, FAILED, INCOMPLETE, UNFINISHED};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = ui::Ui::new(&cli.output);
    match command::dispatch(cli.command, ui) {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => failure::report(&error),
    }
}
