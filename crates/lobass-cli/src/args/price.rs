//! Arguments for the price of a job.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Args;

/// Arguments for the price of a job. They have no effect without a rate.
///
/// clap does not ask for a flag that another one excludes, so what one way to a rate needs has to exclude the other.
#[derive(Debug, Args)]
#[command(next_help_heading = "Price")]
pub(crate) struct PriceArgs {
    /// Price the job at this rate: tokens that one device computes per second with one model
    ///
    /// Shared prefixes count once per batch, so this is the rate of a benchmark on sequences that share nothing. If
    /// sequences share prefixes, `lobass score` shows a larger rate, in tokens of the pool.
    #[arg(
        long,
        value_name = "TOKENS_PER_SECOND",
        requires = "explain",
        group = "rate_source",
        value_parser = |text: &str| number(text, 0.001..=1e12)
    )]
    pub(crate) rate: Option<f64>,
    /// Price the job at a measured rate: load the base, and score sequences of the pool for about this long [default:
    /// 10]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "10",
        requires = "explain",
        group = "rate_source",
        value_parser = |text: &str| number(text, 0.01..=86_400.0)
    )]
    pub(crate) measure: Option<f64>,
    /// The number of devices of the job [default: 1]
    #[arg(long, value_name = "N", requires = "rate_source", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) devices: Option<u32>,
    /// The number of models that score the pool: 1 is the base only, 2 the base and a reference [default: 2]
    #[arg(long, value_name = "N", requires = "rate_source", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) models: Option<u8>,
    /// The price of an hour of a device
    #[arg(
        long,
        value_name = "USD",
        requires = "rate_source",
        value_parser = |text: &str| number(text, 0.0..=1e6)
    )]
    pub(crate) price: Option<f64>,
    /// The time in which a process loads one model [default: 60; with `--measure` as measured]
    #[arg(long, value_name = "SECONDS", requires = "rate", conflicts_with = "measure", value_parser = |text: &str| number(text, 0.0..=86_400.0))]
    pub(crate) load: Option<f64>,
}

impl PriceArgs {
    /// How long to measure, if at all.
    pub(crate) fn measuring(&self) -> Option<Duration> {
        self.measure.map(Duration::from_secs_f64)
    }
}

fn number(text: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("expected a number from {} to {}", range.start(), range.end()))
}
