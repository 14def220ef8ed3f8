//! The rate of a device: given, or measured.

use std::time::Duration;

use lobass_core::Observer as _;
use lobass_core::readable::duration;
use lobass_run::WorkDir;

use crate::error::Result;
use crate::plan::measure::{Sample, Subject};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// Seconds to load one model by default: some 14 GB from another machine.
const LOAD_SECONDS: f64 = 60.0;

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

/// The speed of a device.
///
/// It counts computed rows: a rate in tokens of the pool would hold only for pools that share as many beginnings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) rows_per_second: f64,
    /// Seconds to load one model.
    pub(super) load_seconds: f64,
    pub(super) source: Source,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Given { load: bool },
    Measured(Sample),
}

impl Rate {
    pub(super) fn of(
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

    pub(super) fn sample(&self) -> Option<Sample> {
        match self.source {
            Source::Given { .. } => None,
            Source::Measured(sample) => Some(sample),
        }
    }

    pub(super) fn load_is_assumed(&self) -> bool {
        matches!(self.source, Source::Given { load: false })
    }
}
