//! Arguments of the commands for schedulers: workers, and the state of their work.

use std::path::PathBuf;

use clap::Args;
use lobass_run::Location;

/// Which work, of whom.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// The work directory: a directory that all workers share, or a place in an object store such as `s3://bucket/run`
    #[arg(long, value_name = "PLACE")]
    pub(crate) work: Location,
    /// The job, if there are several; `lobass status` lists them
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass worker --work s3://bucket/run                    units by JSON lines: what a Ray actor holds\n  \
    lobass worker --work /shared/run --world 64 --rank 3    one of 64 equal parts, as in a job array\n\n\
    Exit codes:\n  0    done\n  1    done, but units were given up\n  2    not done, and trying again will not help\n  \
    75   not done; run it again\n  143  stopped by SIGTERM")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// The number of parts of the work; without it, requests are read from standard input until that ends
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) world: Option<u32>,
    /// Which part to do, from 0 on [default: the index that Slurm, Kubernetes, or a cloud's batch service gives]
    #[arg(long, value_name = "R", requires = "world")]
    pub(crate) rank: Option<u32>,
    /// Give up a unit after this many attempts without an end, such as one that kills its workers; 0 never gives up
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) max_attempts: u32,
    /// Retry units that were given up
    #[arg(long)]
    pub(crate) retry_quarantined: bool,
    /// Stop when the process that started this one ends, and release the current unit; for drivers
    #[arg(long)]
    pub(crate) stop_with_parent: bool,
    /// The base, if it is not where the plan says
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<PathBuf>,
    /// The reference or the adapter, if it is not where the plan says
    #[arg(long, value_name = "MODEL")]
    pub(crate) reference: Option<PathBuf>,
    /// The null model, if it is not where the plan says
    #[arg(long, value_name = "MODEL")]
    pub(crate) null: Option<PathBuf>,
    /// The device, of the kind that was planned [default: the first of that kind]
    #[arg(long, value_name = "DEVICE", help_heading = "Compute")]
    pub(crate) device: Option<String>,
    /// Worker threads; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sbatch --array=$(lobass pending --work run --world 64) worker.sbatch")]
pub(crate) struct PendingArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Print the parts with work left, out of this many, in the form of a job array: `0-3,7`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) world: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass status --work s3://bucket/run")]
pub(crate) struct StatusArgs {
    /// The work directory
    #[arg(long, value_name = "PLACE")]
    pub(crate) work: Location,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass seal --work s3://bucket/run --out scores.parquet")]
pub(crate) struct SealArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// The score table to write: Parquet, or JSON lines if the name ends in `.jsonl`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Allow up to N units that were given up; their rows get the status `quarantined`
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) allow_quarantined: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass gc --work s3://bucket/run --dry-run")]
pub(crate) struct GcArgs {
    /// The work directory
    #[arg(long, value_name = "PLACE")]
    pub(crate) work: Location,
    /// List what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
