//! How much is kept, and of what.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::{DirectionWord, SelectSettings};
use lobass_core::Budget;

use super::{SetArgs, ShapeArgs};

/// How much is kept, and of what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// How much to keep: `6%` of all rows, `3000` rows, or `2Mtok` of whole sequences
    #[arg(long, value_name = "BUDGET", value_parser = check_budget, allow_negative_numbers = true)]
    budget: Option<String>,
    /// The seed of ties and of the random strategy [default: 0]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// The column with ratings, for the strategy quality; in a file of ratings the default is `score`
    #[arg(long, value_name = "COLUMN")]
    rating: Option<String>,
    /// A file with ratings, for the strategy quality: JSON lines, JSON, or Parquet, with the `row` or the `key` of each
    ///
    /// Rows without a rating are not selected. `lobass select --index`, `lobass less`, and `lobass pds` write such files.
    #[arg(long, value_name = "FILE")]
    ratings: Option<PathBuf>,
    /// Samples after the prompts of the rows, of `lobass generate`, for the strategies demonstration-advantage and
    /// demonstration-advantage-mean
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// Leave out rows with a lower rating; without `--budget` all others are kept
    #[arg(long, value_name = "RATING", allow_negative_numbers = true)]
    min_rating: Option<f64>,
    /// The strategy whose lengths length-matched-random copies [default: lobass]
    #[arg(long, value_name = "STRATEGY")]
    lengths_of: Option<String>,
    /// Keep the lowest scores, whatever the strategy's direction
    #[arg(long, conflicts_with = "descending")]
    ascending: bool,
    /// Keep the highest scores, whatever the strategy's direction
    #[arg(long)]
    descending: bool,
    #[command(flatten)]
    shape: ShapeArgs,
    #[command(flatten)]
    sets: SetArgs,
}

fn check_budget(text: &str) -> Result<String, lobass_core::BudgetError> {
    text.parse::<Budget>().map(|_| text.to_owned())
}

impl SelectionArgs {
    pub(crate) fn apply(&self, settings: &mut SelectSettings) {
        settings.budget = self.budget.clone().or(settings.budget.take());
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.rating = self.rating.clone().or(settings.rating.take());
        settings.ratings = self.ratings.clone().or(settings.ratings.take());
        settings.samples = self.samples.clone().or(settings.samples.take());
        settings.min_rating = self.min_rating.or(settings.min_rating);
        settings.lengths_of = self.lengths_of.clone().or(settings.lengths_of.take());
        self.shape.apply(&mut settings.shape);
        self.sets.apply(&mut settings.sets);
        if self.ascending {
            settings.direction = Some(DirectionWord::Ascending);
        }
        if self.descending {
            settings.direction = Some(DirectionWord::Descending);
        }
    }
}
