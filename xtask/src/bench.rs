//! The benchmarks, by subject.

use anyhow::Result;
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure: a file of `benches/`; everything if none is named
    #[arg(value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// What to hand on to criterion, such as `--save-baseline main` or a filter
    #[arg(last = true, value_name = "CRITERION")]
    criterion: Vec<String>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let subjects = args.subjects.iter().flat_map(|subject| ["--bench", subject]);
    let criterion = &args.criterion;
    cmd!(shell, "cargo bench --package lobass-benches {subjects...} -- {criterion...}").run()?;
    Ok(())
}
