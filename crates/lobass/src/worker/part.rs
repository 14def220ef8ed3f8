//! One part of all units, as a job array divides them.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use lobass_core::readable::{Labelled, count, counted, duration, rate};
use lobass_core::{ModelRole, Observer as _};
use lobass_run::{Job, Receipt, Unit, UnitState, WorkDir};
use serde::Serialize;

use super::unit::{Failure, Worker};
use crate::error::Result;
use crate::runtime::Runtime;

/// The units of a part: consecutive ones. They depend on these three numbers alone, so that a rank means the same in
/// every attempt. `rank` is below `world`.
pub(crate) fn units_of(rank: u32, world: u32, n_units: usize) -> Range<usize> {
    let cut = |rank: u64| usize::try_from(rank * n_units as u64 / u64::from(world)).unwrap_or(n_units);
    cut(rank.into())..cut(u64::from(rank) + 1)
}

/// The parts that have a unit without a commit.
///
/// # Errors
/// If the work directory cannot be read.
pub fn open_ranks(work: &WorkDir, job: &Job, world: u32) -> Result<BTreeSet<u32>> {
    fn place<'a>(unit: &Unit<'a>) -> (&'a ModelRole, u32) {
        (&unit.model.role, unit.shard.id)
    }
    let pending = work.pending(job)?;
    let open: BTreeSet<(&ModelRole, u32)> = pending.iter().map(place).collect();
    let is_open: Vec<bool> = work.units(job).map(|unit| open.contains(&place(&unit))).collect();
    let ranks = (0..world).filter(|&rank| is_open[units_of(rank, world, is_open.len())].contains(&true));
    Ok(ranks.collect())
}

/// The report of a part.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartReport {
    /// The part, from 0.
    pub rank: u32,
    /// The number of parts.
    pub world: u32,
    /// Units of the part.
    pub n_units: usize,
    /// Units that were committed by this call.
    pub n_committed: u64,
    /// Units that were committed before.
    pub n_skipped: u64,
    /// Units that others committed meanwhile.
    pub n_duplicate: u64,
    /// Units that were given up, after too many attempts.
    pub n_quarantined: u64,
    /// Units that failed.
    pub n_failed: u64,
    /// Tokens of the units that were computed.
    pub n_tokens: u64,
    /// The time of the call, in seconds.
    pub seconds: f64,
    /// Whether it ended early, since the device or the store failed. A new process may go on.
    #[serde(skip)]
    pub stopped: bool,
    /// Whether a unit failed for good.
    #[serde(skip)]
    pub hopeless: bool,
}

impl Worker<'_> {
    /// Computes every open unit of a part, until the device or the store fails. `rank` is below `world`.
    ///
    /// Failures are warnings and counts of the report.
    pub fn run_part(&mut self, rank: u32, world: u32, runtime: &Runtime) -> PartReport {
        let units: Vec<Unit<'_>> = self.work.units(self.job).collect();
        let part = units_of(rank, world, units.len());
        let mut report = PartReport { rank, world, n_units: part.len(), ..PartReport::default() };
        let started = Instant::now();
        for unit in &units[part] {
            match self.run(*unit) {
                Ok(receipt) => report.add(&receipt, started, runtime),
                Err(failure) => {
                    let Unit { model, shard, .. } = unit;
                    runtime.warn(&format!("{}, shard {}: {}", model.role, shard.id, failure.error().chain()));
                    report.n_failed += 1;
                    match failure {
                        // The next unit is likely to fail too; a new process may succeed.
                        Failure::Again(_) => {
                            report.stopped = true;
                            break;
                        }
                        Failure::Never(_) => report.hopeless = true,
                    }
                }
            }
        }
        report.seconds = started.elapsed().as_secs_f64();
        report
    }
}

impl PartReport {
    fn add(&mut self, receipt: &Receipt, started: Instant, runtime: &Runtime) {
        *match receipt.state {
            UnitState::Committed => &mut self.n_committed,
            UnitState::Skipped => &mut self.n_skipped,
            UnitState::Duplicate | UnitState::Differs => &mut self.n_duplicate,
            UnitState::Quarantined => &mut self.n_quarantined,
        } += 1;
        self.n_tokens += receipt.n_tokens;
        if receipt.n_tokens > 0 {
            let speed = rate(self.n_tokens, started.elapsed(), "tok");
            let (model, shard) = (&receipt.model, receipt.shard);
            let rows = counted(receipt.n_rows, "row");
            runtime.note(&format!("{:16} {model}, shard {shard}: {rows}, {speed}", "unit"));
        }
    }
}

impl fmt::Display for PartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let units = counted(self.n_units as u64, "unit");
        text.line("part", format!("{} of {}: {units}", self.rank, self.world));
        for (n, what) in [
            (self.n_committed, "done here"),
            (self.n_skipped, "done before"),
            (self.n_duplicate, "done by others meanwhile"),
            (self.n_quarantined, "given up"),
            (self.n_failed, "failed"),
        ] {
            if n > 0 {
                text.line("units", format!("{} {what}", count(n)));
            }
        }
        let took = duration(Duration::from_secs_f64(self.seconds));
        text.line("tokens", format!("{} in {took}", count(self.n_tokens)));
        text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_unit_once() {
        for (world, n_units) in [(1, 0), (1, 7), (3, 7), (7, 3), (64, 1000), (u32::MAX, 2)] {
            let ranks = if world > 100 { 0..0 } else { 0..world };
            let covered: Vec<usize> = ranks.clone().flat_map(|rank| units_of(rank, world, n_units)).collect();
            assert_eq!(covered, (0..if ranks.is_empty() { 0 } else { n_units }).collect::<Vec<_>>());
            let sizes = ranks.map(|rank| units_of(rank, world, n_units).len());
            assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1, "{world} {n_units}");
        }
    }
}
