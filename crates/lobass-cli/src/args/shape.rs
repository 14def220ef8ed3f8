//! Arguments for the shape of a selection, beside its budget.

use clap::Args;
use lobass::settings::{Responses, ShapeSettings};

use super::described;

const RESPONSES: [(&str, &str); 3] = [
    ("all", "All of them"),
    ("best", "The best by the strategy"),
    ("most-probable", "The most probable one under the base (GRAPE), whatever the strategy ranks by"),
];

/// Arguments for the shape of a selection, beside its budget.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shape of the selection")]
pub(crate) struct ShapeArgs {
    /// Leave out rows with fewer scored tokens; in very short responses the end token dominates the score
    #[arg(long, value_name = "TOKENS")]
    min_scored: Option<u32>,
    /// Leave out rows with a lower loss under the base, in nats per scored token: there is nothing to learn
    #[arg(long, value_name = "NATS", allow_negative_numbers = true)]
    min_base_loss: Option<f64>,
    /// Leave out rows above this quantile (0 to 1) of the loss per scored token under the reference, which did not learn
    /// them
    #[arg(long, value_name = "QUANTILE", allow_negative_numbers = true)]
    max_reference_quantile: Option<f64>,
    /// Nats to add to the denominator of the strategy lobass; this pulls the scores of short and easy rows towards 0
    #[arg(long, value_name = "NATS", allow_negative_numbers = true)]
    shrinkage: Option<f64>,
    /// Leave out rows whose responses repeat themselves, refuse, or contain artifacts, by the rules of `lobass
    /// quality` [`default` without names]
    #[arg(long, value_name = "RULES", num_args = 0..=1, default_missing_value = "default")]
    rules: Option<String>,
    /// Keep one row of each group of near duplicates, whose shingles have at least this Jaccard similarity [0.8 without
    /// a number]
    #[arg(long, value_name = "SIMILARITY", num_args = 0..=1, default_missing_value = "0.8")]
    near_duplicates: Option<f64>,
    /// Which responses to one prompt may be kept [default: all]
    #[arg(long, value_name = "WHICH", value_parser = described::<Responses>(&RESPONSES))]
    responses: Option<Responses>,
    /// Split the budget by `source`, by `length`, or by a column of the data, in proportion to the rows of each part
    #[arg(long, value_name = "WHAT")]
    quota_by: Option<String>,
    /// The number of bins of a quota by length, with equally many rows in each [default: 10]
    #[arg(long, value_name = "N")]
    length_bins: Option<usize>,
    /// Split the budget by rows to the power of 1/T: 1 is in proportion, larger is more even, `inf` is even
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Split the budget in these proportions, as in `gsm8k=1,alpaca=3`; parts without a share get nothing
    #[arg(long, value_name = "SHARES")]
    shares: Option<String>,
}

impl ShapeArgs {
    pub(crate) fn apply(&self, settings: &mut ShapeSettings) {
        settings.min_scored = self.min_scored.or(settings.min_scored);
        settings.min_base_loss = self.min_base_loss.or(settings.min_base_loss);
        settings.max_reference_quantile = self.max_reference_quantile.or(settings.max_reference_quantile);
        settings.shrinkage = self.shrinkage.or(settings.shrinkage);
        settings.rules = self.rules.clone().or(settings.rules.take());
        settings.near_duplicates = self.near_duplicates.or(settings.near_duplicates);
        settings.responses = self.responses.or(settings.responses);
        settings.quota_by = self.quota_by.clone().or(settings.quota_by.take());
        settings.length_bins = self.length_bins.or(settings.length_bins);
        settings.temperature = self.temperature.or(settings.temperature);
        settings.shares = self.shares.clone().or(settings.shares.take());
    }
}
