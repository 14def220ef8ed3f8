//! Arguments for rows that differ, or that resemble others.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::{Diversity, SetSettings};

/// Arguments for rows that differ, or that resemble others.
#[derive(Debug, Args)]
#[command(next_help_heading = "Vectors of the selection")]
pub(crate) struct SetArgs {
    /// The vectors of the pool, as `lobass embed` writes them; for the strategy rds and for `--diversity`
    #[arg(long, value_name = "FILE")]
    embeddings: Option<PathBuf>,
    /// The vectors of rows that the selection should resemble, a file for each task; for the strategy rds
    #[arg(long, value_name = "FILE", num_args = 1..)]
    query_embeddings: Vec<PathBuf>,
    /// Let the tasks of the strategy rds choose in turn, instead of keeping the largest cosines
    #[arg(long)]
    round_robin: bool,
    /// How to make rows differ: `cosine:0.9` skips rows with a larger cosine to a kept row, `k-center` takes the row
    /// farthest from the kept ones, and `facility-location` the row that best represents the pool
    #[arg(long, value_name = "HOW")]
    diversity: Option<Diversity>,
    /// The number of candidates for k-center or facility location, as a multiple of the budget [default: 10]
    #[arg(long, value_name = "TIMES", allow_negative_numbers = true)]
    out_of: Option<f64>,
}

impl SetArgs {
    pub(crate) fn apply(&self, settings: &mut SetSettings) {
        settings.embeddings = self.embeddings.clone().or(settings.embeddings.take());
        if !self.query_embeddings.is_empty() {
            settings.query_embeddings.clone_from(&self.query_embeddings);
        }
        settings.round_robin |= self.round_robin;
        settings.diversity = self.diversity.or(settings.diversity);
        settings.out_of = self.out_of.or(settings.out_of);
    }
}
