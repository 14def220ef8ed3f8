//! The study of `docs/evidence/design.md`: replicates of a pool, each with its reference, selections, and trainings.
//!
//! Every finished trial is a file under `docs/evidence/replicates`. What is there is not done again.

mod best;
mod explain;
mod groups;
mod index;
mod kept;
mod material;
mod parts;
mod prepared;
mod rates;
mod runner;
mod steps;
mod table;

use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::Shell;

use self::groups::N_REPLICATES;
use self::material::Material;
use self::parts::Part;
use self::runner::Runner;
use self::steps::Study;
use crate::program;

/// Where runs are, so that they are taken up.
const DIR: &str = "target/evidence/replicates";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The parts to run, in this order [default: all]
    #[arg(long, value_name = "PART", num_args = 1.., value_enum)]
    part: Vec<Part>,
    /// The replicates to run, in this order [default: all]
    #[arg(long, value_name = "N", num_args = 1.., value_parser = clap::value_parser!(u8).range(..N_REPLICATES as i64))]
    only: Vec<u8>,
    /// Print what is left and how many hours it takes, and run nothing
    #[arg(long)]
    explain: bool,
    /// Trained tokens a second, for the hours of `--explain`
    #[arg(long, value_name = "N", default_value_t = 500.0)]
    rate: f64,
    /// Threads of the runs; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<u16>,
    /// Where Alpaca and GSM8K are: `alpaca_random_9k.json`, `gsm8k_train.jsonl`, `gsm8k_test.jsonl`
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
    /// The checkpoint of the model, as `cargo xtask real-models` makes it
    #[arg(long, value_name = "DIR", default_value = "target/real-models/smollm2/checkpoint")]
    model: PathBuf,
    /// The checkpoint of the model of another family, as `cargo xtask real-models` makes it
    #[arg(long, value_name = "DIR", default_value = "target/real-models/gemma3/checkpoint")]
    family_model: PathBuf,
    /// A `lobass` to run instead of one that is built
    #[arg(long, value_name = "FILE")]
    lobass: Option<PathBuf>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let only: Vec<usize> = args.only.iter().map(|&at| at.into()).collect();
    let only = if only.is_empty() { (0..N_REPLICATES).collect() } else { only };
    let parts = if args.part.is_empty() { Part::ALL.to_vec() } else { args.part.clone() };
    if args.explain {
        return explain::print(shell, &parts, &only, args.rate);
    }
    let lobass = program::lobass(shell, args.lobass.as_deref())?;
    let material = Material::make(shell, &args.data, DIR)?;
    let runner = |model: &Path| Runner {
        shell,
        lobass: lobass.clone(),
        model: model.to_owned(),
        threads: args.threads,
    };
    let study = Study { runner: runner(&args.model), other: runner(&args.family_model), material };
    let rates = study.rates()?;
    for part in parts {
        for &replicate in only.iter().filter(|at| part.replicates().contains(at)) {
            study.part(part, replicate, &rates)?;
        }
    }
    Ok(())
}
