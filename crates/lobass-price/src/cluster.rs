//! The devices and nodes of a job.

use crate::Error;

/// Devices, and how they behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cluster {
    /// All devices; at least 1.
    pub devices: usize,
    /// Devices that fail together; at least 1. The last node has what is left.
    pub devices_per_node: usize,
    /// Standard deviation of the speed of a device, as a share of the mean speed; 0 to 0.3.
    ///
    /// Speeds are normally distributed, cut off at three deviations, and scaled to a mean of exactly 1: a cluster does
    /// what its devices' nominal rates promise, only not evenly.
    pub speed_spread: f64,
    /// Seconds that a process loads models before its first unit, at any speed.
    pub load_seconds: f64,
    /// How nodes fail, if they do.
    pub failures: Option<Failures>,
}

/// How nodes fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failures {
    /// Mean seconds between two failures of one node; the times between them are exponentially distributed.
    pub mtbf_seconds: f64,
    /// Seconds until a node is there again. A node that fails while it is awaited is awaited from then on.
    pub replacement_seconds: f64,
}

impl Cluster {
    /// So many equal devices, each on its own node, that load nothing and never fail.
    pub fn of(devices: usize) -> Self {
        Self { devices, devices_per_node: 1, speed_spread: 0.0, load_seconds: 0.0, failures: None }
    }

    pub(crate) fn n_nodes(&self) -> usize {
        self.devices.div_ceil(self.devices_per_node)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let at_least_one = "at least 1";
        let not_negative = "a number of at least 0";
        let duration = |seconds: f64| seconds >= 0.0 && seconds.is_finite();
        check(self.devices > 0, "devices", at_least_one, self.devices as f64)?;
        check(self.devices_per_node > 0, "devices per node", at_least_one, self.devices_per_node as f64)?;
        let spread = self.speed_spread;
        check((0.0..=0.3).contains(&spread), "spread of speeds", "a number from 0 to 0.3", spread)?;
        check(duration(self.load_seconds), "seconds of loading", not_negative, self.load_seconds)?;
        if let Some(Failures { mtbf_seconds, replacement_seconds }) = self.failures {
            let mean = "seconds between failures";
            check(mtbf_seconds > 0.0 && mtbf_seconds.is_finite(), mean, "a number above 0", mtbf_seconds)?;
            let what = "seconds of replacement";
            check(duration(replacement_seconds), what, not_negative, replacement_seconds)?;
        }
        Ok(())
    }
}

pub(crate) fn check(
    holds: bool,
    what: &'static str,
    expected: &'static str,
    found: f64,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Number { what, expected, found }) }
}
