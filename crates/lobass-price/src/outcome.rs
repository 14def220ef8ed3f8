//! The result of a simulation.

/// The result of a simulation. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The devices it ran on.
    pub devices: usize,
    /// From the beginning to the end of the last unit.
    pub makespan: f64,
    /// The time if all devices worked from beginning to end and loaded nothing: all units, divided by the number of
    /// devices.
    pub ideal: f64,
    /// Time of devices that failures threw away: units and loadings that were not finished. Waiting for a replacement
    /// is not in it.
    pub lost: f64,
    /// Failures of nodes until the end; a mean if several runs were made.
    pub n_failures: f64,
}

impl Outcome {
    /// How much longer it takes than it would at best. NaN of a job without work.
    pub fn ratio(&self) -> f64 {
        self.makespan / self.ideal
    }

    /// Hours of devices that are paid for, if all of them are kept until the last unit is done.
    pub fn device_hours(&self) -> f64 {
        self.devices as f64 * self.makespan / 3600.0
    }

    /// Hours of devices that failures threw away.
    pub fn lost_device_hours(&self) -> f64 {
        self.lost / 3600.0
    }
}
