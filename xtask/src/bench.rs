//! The benchmarks, by subject.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::peers;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure: a file of `benches/`, or `train-peers`, which compares training with transformers and PEFT;
    /// every file if none is named
    #[arg(value_name = "SUBJECT")]
    subjects: Vec<String>,
    #[command(flatten)]
    peers: peers::Args,
    /// What to hand on to criterion, such as `--save-baseline main` or a filter
    #[arg(last = true, value_name = "CRITERION")]
    criterion: Vec<String>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    if let [subject] = args.subjects.as_slice()
        && subject == "train-peers"
    {
        return peers::train(shell, &args.peers);
    }
    if args.subjects.iter().any(|subject| subject == "train-peers") {
        bail!("`train-peers` is measured by itself, so that nothing else is running");
    }
    let subjects = args.subjects.iter().flat_map(|subject| ["--bench", subject]);
    let criterion = &args.criterion;
    cmd!(shell, "cargo bench --package lobass-benches {subjects...} -- {criterion...}").run()?;
    Ok(())
}
