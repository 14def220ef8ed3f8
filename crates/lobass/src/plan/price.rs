//! Time and cost of a job on several devices, at a rate.

use std::time::Duration;

use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count, counted, duration};
use lobass_price::{Cluster, Outcome, Schedule, expect};
use lobass_run::WorkDir;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::measure::{Sample, Subject};
use super::pass::PassWork;
use crate::error::Result;
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// The relative spread of the speeds of devices.
const SPEED_SPREAD: f64 = 0.03;
const TASKS_PER_DEVICE: usize = 16;
/// Simulations; a time is their mean.
const N_SEEDS: u32 = 5;
/// Seconds to load one model by default: some 14 GB from another machine.
const LOAD_SECONDS: f64 = 60.0;

/// Settings of the price of a job.
#[derive(Debug, Clone)]
pub struct PriceSettings {
    /// The rate of one device.
    pub rate: RateSource,
    /// The number of devices; at least 1.
    pub devices: usize,
    /// The number of models that score the pool.
    pub models: u8,
    /// The cost of one device for an hour, in US dollars.
    pub usd_per_device_hour: Option<f64>,
}

/// The rate of one device with one model.
#[derive(Debug, Clone)]
pub enum RateSource {
    /// A known rate.
    Given {
        /// Tokens a second, shared prefixes counted once per batch.
        rows_per_second: f64,
        /// Seconds to load one model; `None` assumes a minute.
        load_seconds: Option<f64>,
    },
    /// A rate that is measured: the base scores sequences of the pool.
    Measured {
        /// The time of the measurement.
        time: Duration,
        /// The device, the number format, and the threads.
        compute: ComputeSettings,
    },
}

/// Time and cost of a job.
#[derive(Debug)]
pub struct Price {
    rate: Rate,
    /// Tokens of the pool a second at that rate; `None` for a pool without work.
    tokens_per_second: Option<f64>,
    models: u8,
    n_shards: usize,
    device_seconds: f64,
    pool: Outcome,
    array: Outcome,
    usd_per_device_hour: Option<f64>,
}

/// The speed of a device.
///
/// It counts computed rows: a rate in tokens of the pool would hold only for pools that share as many beginnings.
#[derive(Debug, Clone, Copy)]
struct Rate {
    rows_per_second: f64,
    /// Seconds to load one model.
    load_seconds: f64,
    source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Given { load: bool },
    Measured(Sample),
}

impl Price {
    /// The price of a job. `subject` is the loaded base if the rate is to be measured.
    pub(super) fn of(
        request: &PriceSettings,
        pass: &PassWork,
        subject: Option<&Subject>,
        work: &WorkDir,
        runtime: &Runtime,
    ) -> Result<Option<Self>> {
        let Some(rate) = Rate::of(&request.rate, subject, work, runtime)? else { return Ok(None) };
        let models = request.models;
        let seconds = pass.rows.iter().map(|&rows| rows as f64 / rate.rows_per_second);
        let seconds: Vec<f64> = seconds.collect();
        let units = seconds.repeat(models.into());
        let cluster = Cluster {
            speed_spread: SPEED_SPREAD,
            load_seconds: rate.load_seconds * f64::from(models),
            ..Cluster::of(request.devices)
        };
        let took = |schedule| expect(&units, &cluster, schedule, N_SEEDS);
        let of_the_pool = rate.rows_per_second * pass.n_tokens as f64 / pass.n_rows as f64;
        Ok(Some(Self {
            rate,
            tokens_per_second: of_the_pool.is_finite().then_some(of_the_pool),
            models,
            n_shards: seconds.len(),
            device_seconds: units.iter().sum(),
            pool: took(Schedule::Pool)?,
            array: took(Schedule::Array { tasks_per_device: TASKS_PER_DEVICE })?,
            usd_per_device_hour: request.usd_per_device_hour,
        }))
    }

    fn n_units(&self) -> usize {
        self.n_shards * usize::from(self.models)
    }

    fn usd(&self, outcome: &Outcome) -> Option<f64> {
        self.usd_per_device_hour.map(|price| price * outcome.device_hours())
    }

    pub(super) fn describe(&self, text: &mut Labelled) {
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

    fn json(&self) -> Value {
        let of = |outcome: &Outcome| {
            json!({
                "hours": outcome.makespan / 3600.0,
                "device_hours": outcome.device_hours(),
                "cost_usd": self.usd(outcome),
            })
        };
        let mut array = of(&self.array);
        array["tasks_per_device"] = TASKS_PER_DEVICE.into();
        json!({
            "n_shards": self.n_shards,
            "n_models": self.models,
            "n_units": self.n_units(),
            "rows_per_second": self.rate.rows_per_second,
            "tokens_per_second": self.tokens_per_second,
            "measured": self.rate.sample().map(|sample| json!({
                "n_sequences": sample.n_sequences,
                "n_rows": sample.n_rows,
                "seconds": sample.elapsed.as_secs_f64(),
            })),
            "load_seconds": self.rate.load_seconds,
            "speed_spread": SPEED_SPREAD,
            "n_devices": self.pool.devices,
            "device_hours": self.device_seconds / 3600.0,
            "hours_at_best": self.pool.ideal / 3600.0,
            "usd_per_device_hour": self.usd_per_device_hour,
            "pool": of(&self.pool),
            "array": array,
        })
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl Rate {
    fn of(
        request: &RateSource,
        subject: Option<&Subject>,
        work: &WorkDir,
        runtime: &Runtime,
    ) -> Result<Option<Self>> {
        match (request, subject) {
            (RateSource::Measured { time, .. }, Some(subject)) => {
                runtime.note(&format!("{:16} for about {}", "measure", duration(*time)));
                let sample = subject.sample(work, *time)?;
                let rate = |rows_per_second| Self {
                    rows_per_second,
                    load_seconds: subject.load.as_secs_f64(),
                    source: Source::Measured(sample),
                };
                Ok(sample.rows_per_second().map(rate))
            }
            (RateSource::Measured { .. }, None) => Ok(None),
            (&RateSource::Given { rows_per_second, load_seconds }, _) => Ok(Some(Self {
                rows_per_second,
                load_seconds: load_seconds.unwrap_or(LOAD_SECONDS),
                source: Source::Given { load: load_seconds.is_some() },
            })),
        }
    }

    fn sample(&self) -> Option<Sample> {
        match self.source {
            Source::Given { .. } => None,
            Source::Measured(sample) => Some(sample),
        }
    }

    fn load_is_assumed(&self) -> bool {
        matches!(self.source, Source::Given { load: false })
    }

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
