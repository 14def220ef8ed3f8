//! The price of a job as text.

use std::time::Duration;

use lobass_core::readable::{Labelled, count, counted, duration};

use super::rate::Rate;
use super::{Price, SPEED_SPREAD, TASKS_PER_DEVICE};
use crate::plan::measure::Sample;

impl Price {
    /// Adds the lines of the price to a report.
    pub(in crate::plan) fn describe(&self, text: &mut Labelled) {
        text.line(
            "units",
            format!(
                "{} ({}, {})",
                count(self.n_units() as u64),
                counted(self.n_shards as u64, "shard"),
                counted(self.models.into(), "model")
            ),
        );
        self.rate.describe(self.tokens_per_second, text);
        text.line("work", format!("{} of one device", time(self.device_seconds)));
        let devices = counted(self.pool.devices as u64, "device");
        text.line("time", format!("{} on {devices}, each taking unit after unit", time(self.pool.makespan)));
        text.line(
            "time",
            format!(
                "{} on {devices}, as an array of {TASKS_PER_DEVICE} tasks for each",
                time(self.array.makespan)
            ),
        );
        text.line("time", format!("{} at best", time(self.pool.ideal)));
        if let (Some(pool), Some(array), Some(price)) =
            (self.usd(&self.pool), self.usd(&self.array), self.usd_per_device_hour)
        {
            text.line(
                "cost",
                format!(
                    "{}, or {} as an array, at {} for an hour of a device",
                    dollars(pool),
                    dollars(array),
                    dollars(price)
                ),
            );
        }
        text.line(
            "assumed",
            format!(
                "speeds {:.0} % apart, no failures, devices kept until the last unit is done{}",
                100.0 * SPEED_SPREAD,
                if self.rate.load_is_assumed() { ", the time to load a model" } else { "" }
            ),
        );
    }
}

impl Rate {
    fn describe(&self, tokens_per_second: Option<f64>, text: &mut Labelled) {
        let from = match self.sample() {
            None => "as given".to_owned(),
            Some(Sample { n_sequences, n_rows, elapsed }) => format!(
                "measured on {} rows of {} in {}",
                count(n_rows),
                counted(n_sequences, "sequence"),
                duration(elapsed)
            ),
        };
        let computed = significant(self.rows_per_second);
        text.line("rate", format!("{computed} rows a second by one device with one model, {from}"));
        if let Some(rate) = tokens_per_second {
            text.line(
                "rate",
                format!("{} tokens of the pool, since what is shared is computed once", significant(rate)),
            );
        }
        text.line("load", format!("{} for a model", time(self.load_seconds)));
    }
}

fn time(seconds: f64) -> String {
    duration(Duration::from_secs_f64(seconds))
}

/// `$1,234`, `$12.35`, `$0.0012`.
fn dollars(usd: f64) -> String {
    match usd {
        1000.0.. => format!("${}", count(rounded(usd))),
        0.1.. => format!("${usd:.2}"),
        _ => format!("${usd:.4}"),
    }
}

/// `28,780`, `45.3`.
fn significant(number: f64) -> String {
    if number >= 100.0 { count(rounded(number)) } else { format!("{number:.1}") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number for people, and not negative"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_rates_for_people() {
        assert_eq!([1234.4, 12.346, 0.00123, 0.0].map(dollars), ["$1,234", "$12.35", "$0.0012", "$0.0000"]);
        assert_eq!([28_780.4, 45.25, 0.5].map(significant), ["28,780", "45.2", "0.5"]);
        assert_eq!(time(5400.0), "1 h 30 min");
    }
}
