//! How regions are measured.

use lobass_evidence::Bootstrap;

use crate::Error;

/// How regions are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How intervals are made. References are drawn alike for all regions.
    pub bootstrap: Bootstrap,
    /// Regions with fewer rows get no interval and no verdict; at least 2.
    pub min_rows: usize,
    /// The smallest drop or rise that counts, in nats per token.
    pub margin: f64,
    /// How many rows of each end are named for each region.
    pub n_shown: usize,
    /// Threads; results do not depend on them.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bootstrap: Bootstrap::default(), min_rows: 10, margin: 0.0, n_shown: 2, threads: 1 }
    }
}

impl Settings {
    /// Checks what can be checked before anything is read.
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::Bootstrap`], naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        self.bootstrap.check()?;
        if self.min_rows < 2 {
            let (name, expected) = ("min-rows", "at least 2, since one row has no spread");
            return Err(Error::Setting { name, expected, found: self.min_rows.to_string() });
        }
        if !(self.margin >= 0.0 && self.margin.is_finite()) {
            let (name, expected) = ("margin", "0 or more nats per token");
            return Err(Error::Setting { name, expected, found: self.margin.to_string() });
        }
        Ok(())
    }
}
