//! Scoring on a graphics card: whether it computes what the processor does, how fast, and how much of attention is
//! padding. `run.sh` beside this runs it all, with Python peers.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod agree;
mod cards;
mod padding;
mod random;
mod score;
mod work;

use std::process::ExitCode;

use clap::Parser;
use lobass_benches as _; // the allocator of the command line

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Scoring on a graphics card, beside the processor and beside Python
#[derive(Debug, Parser)]
#[command(name = "gpu-bench", help_expected = true, args_override_self = true)]
enum Verb {
    /// Compare losses of tiny models with the processor's, in every number format of the card
    Agree(agree::Args),
    /// Score sequences with random weights of some shape, and say how many tokens that is a second
    Score(score::Args),
    /// Say how much of attention is padding, without a card
    Padding(padding::Args),
}

fn main() -> ExitCode {
    let done = match Verb::parse() {
        Verb::Agree(args) => agree::run(&args),
        Verb::Score(args) => score::run(&args),
        Verb::Padding(args) => padding::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
