//! Time and cost of a job on several devices, at a rate.

mod json;
mod rate;
mod text;

use lobass_price::{Cluster, Outcome, Schedule, expect};
use lobass_run::WorkDir;

use self::rate::Rate;
use super::measure::Subject;
use super::pass::PassWork;
use crate::error::Result;
use crate::runtime::Runtime;

pub use self::rate::RateSource;

/// The relative spread of the speeds of devices.
const SPEED_SPREAD: f64 = 0.03;
const TASKS_PER_DEVICE: usize = 16;
/// Simulations; a time is their mean.
const N_SEEDS: u32 = 5;

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

    /// Computed rows a second of one device.
    pub(super) fn rows_per_second(&self) -> f64 {
        self.rate.rows_per_second
    }

    fn n_units(&self) -> usize {
        self.n_shards * usize::from(self.models)
    }

    fn usd(&self, outcome: &Outcome) -> Option<f64> {
        self.usd_per_device_hour.map(|price| price * outcome.device_hours())
    }
}
