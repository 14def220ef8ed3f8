//! The benchmarks, by subject.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::peers;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    comparison: Option<peers::Comparison>,
    /// Subjects to measure: files of `benches/`; all of them by default
    #[arg(value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// Arguments for criterion, such as `--save-baseline main` or a filter
    #[arg(last = true, value_name = "CRITERION")]
    criterion: Vec<String>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    if let Some(comparison) = &args.comparison {
        return peers::run(shell, comparison);
    }
    let subjects = args.subjects.iter().flat_map(|subject| ["--bench", subject]);
    let criterion = &args.criterion;
    cmd!(shell, "cargo bench --package lobass-benches {subjects...} -- {criterion...}").run()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::Verb;

    fn parse(words: &str) -> Result<Verb, clap::Error> {
        Verb::try_parse_from(["xtask", "bench"].into_iter().chain(words.split_whitespace()))
    }

    #[test]
    fn a_comparison_is_measured_by_itself() {
        assert!(parse("loss select -- --save-baseline main").is_ok());
        assert!(parse("peers --workload chat --dtype both --rounds 1 --batch-one").is_ok());
        assert!(parse("train-peers --shape m25 --rounds 1").is_ok());
        for wrong in ["peers loss", "peers --shape m25", "train-peers --workload chat", "loss --rounds 2"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in ["--workload alpacas", "--dtype f16", "--rounds 0", "--rows 0", "--rows 64 --full"] {
            assert!(parse(&format!("peers {wrong}")).is_err(), "{wrong}");
        }
    }
}
