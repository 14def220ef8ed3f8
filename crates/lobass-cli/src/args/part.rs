//! Arguments for one of several processes.

use clap::Args;
use lobass_run::Part;

/// Which part of the work this process does.
#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    /// The part of the work to do, from 0. Parts share `--work`; when all are done, a call without this flag writes the files
    #[arg(long, value_name = "R", requires = "world", requires = "work", help_heading = "Parts of the work")]
    rank: Option<u32>,
    /// The number of parts
    #[arg(long, value_name = "N", requires = "rank", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Parts of the work")]
    world: Option<u32>,
}

impl PartArgs {
    /// The part that is asked for.
    ///
    /// # Errors
    /// If there is no such part.
    pub(crate) fn part(&self) -> anyhow::Result<Option<Part>> {
        let Some((rank, of)) = self.rank.zip(self.world) else { return Ok(None) };
        anyhow::ensure!(rank < of, "`--rank`: expected a number below `--world` {of}, found {rank}");
        Ok(Some(Part { rank, of }))
    }
}
