//! One part of all units, as a job array hands them out.

use std::ops::Range;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lobass_core::readable::{Labelled, count, counted, duration, rate};
use lobass_run::{Job, Unit, UnitState};
use serde_json::json;

use super::{Failure, Worker};
use crate::exit::Outcome;
use crate::ui::Ui;

/// Where schedulers say which of many tasks this is.
const INDICES: [&str; 5] = [
    "SLURM_ARRAY_TASK_ID",
    "JOB_COMPLETION_INDEX",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "BATCH_TASK_INDEX",
    "SLURM_PROCID",
];

/// The part that is meant: what was said, or what a scheduler says.
pub(super) fn rank(given: Option<u32>, world: u32) -> anyhow::Result<u32> {
    let of_scheduler = || {
        let (name, value) = INDICES.iter().find_map(|name| Some((name, std::env::var(name).ok()?)))?;
        Some(value.parse::<u32>().with_context(|| format!("${name}: expected an index, found `{value}`")))
    };
    let rank = match given {
        Some(rank) => rank,
        None => of_scheduler().transpose()?.with_context(|| {
            format!("no part is given: use `--rank`, or set one of ${}", INDICES.join(", $"))
        })?,
    };
    if rank >= world {
        bail!("rank {rank}: expected one below the world, {world}");
    }
    Ok(rank)
}

/// The units of a part: a run of consecutive ones, and a function of these three numbers alone, so that a rank means
/// the same in every attempt.
pub(in crate::command) fn units_of(rank: u32, world: u32, n_units: usize) -> Range<usize> {
    let cut = |rank: u64| usize::try_from(rank * n_units as u64 / u64::from(world)).unwrap_or(n_units);
    cut(rank.into())..cut(u64::from(rank) + 1)
}

/// Does every unit of a part that is not done.
pub(super) fn run(
    worker: &mut Worker<'_>,
    job: &Job,
    rank: u32,
    world: u32,
    ui: &Ui,
) -> anyhow::Result<Outcome> {
    let units: Vec<Unit<'_>> = worker.work.units(job).collect();
    let part = units_of(rank, world, units.len());
    let mut tally = Tally::default();
    let started = Instant::now();
    for unit in &units[part.clone()] {
        match worker.run(*unit) {
            Ok(receipt) => {
                tally.count(receipt.state);
                tally.n_tokens += receipt.n_tokens;
                if receipt.n_tokens > 0 {
                    let speed = rate(tally.n_tokens, started.elapsed(), "tok");
                    let (model, shard) = (&receipt.model, receipt.shard);
                    ui.note(&format!(
                        "{:16} {model}, shard {shard}: {}, {speed}",
                        "unit",
                        counted(receipt.n_rows, "row")
                    ));
                }
            }
            Err(failure) => {
                let Unit { model, shard, .. } = unit;
                ui.warn(&format!("{}, shard {}: {:#}", model.role, shard.id, failure.error()));
                tally.n_failed += 1;
                match failure {
                    // What is wrong is likely to be wrong for the next unit too; a new process may do better.
                    Failure::Again(_) => {
                        tally.stopped = true;
                        break;
                    }
                    Failure::Never(_) => tally.hopeless = true,
                }
            }
        }
    }
    if tally.stopped {
        ui.warn("finished work is kept: run the same command again");
    }
    tally.say(rank, world, part.len(), started, ui)?;
    if tally.hopeless {
        bail!("{} failed, and another attempt will not help", counted(tally.n_failed, "unit"));
    }
    Ok(tally.outcome())
}

#[derive(Default)]
struct Tally {
    n_committed: u64,
    n_skipped: u64,
    n_duplicate: u64,
    n_quarantined: u64,
    n_failed: u64,
    n_tokens: u64,
    /// Whether it ended before all units were looked at.
    stopped: bool,
    /// Whether a unit failed for good.
    hopeless: bool,
}

impl Tally {
    fn count(&mut self, state: UnitState) {
        *match state {
            UnitState::Committed => &mut self.n_committed,
            UnitState::Skipped => &mut self.n_skipped,
            UnitState::Duplicate | UnitState::Differs => &mut self.n_duplicate,
            UnitState::Quarantined => &mut self.n_quarantined,
        } += 1;
    }

    fn outcome(&self) -> Outcome {
        match self.stopped {
            true => Outcome::Unfinished,
            false => Outcome::incomplete_if(self.n_quarantined > 0),
        }
    }

    fn say(&self, rank: u32, world: u32, n_units: usize, started: Instant, ui: &Ui) -> anyhow::Result<()> {
        let mut text = Labelled::default();
        text.line("part", format!("{rank} of {world}: {}", counted(n_units as u64, "unit")));
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
        text.line("tokens", format!("{} in {}", count(self.n_tokens), duration(started.elapsed())));
        let json = json!({
            "rank": rank, "world": world, "n_units": n_units, "n_committed": self.n_committed,
            "n_skipped": self.n_skipped, "n_duplicate": self.n_duplicate, "n_quarantined": self.n_quarantined,
            "n_failed": self.n_failed, "n_tokens": self.n_tokens, "seconds": started.elapsed().as_secs_f64(),
        });
        ui.result(text, &json)
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

    #[test]
    fn a_rank_is_below_the_world() {
        assert_eq!(rank(Some(2), 3).unwrap(), 2);
        assert!(rank(Some(3), 3).unwrap_err().to_string().contains("below the world, 3"));
    }
}
