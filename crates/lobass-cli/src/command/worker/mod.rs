//! `lobass worker`: units, one after the other, on this machine.

mod part;
mod roster;
mod serve;
mod signals;

use std::num::NonZeroU32;
use std::process;

use lobass::place::{job, resume};
use lobass::settings::ComputeSettings;
use lobass_core::readable::counted;
use lobass_run::{Attempts, Error, Receipt, Step, Unit, WorkDir};
use roster::Roster;
use signals::Current;

use crate::args::WorkerArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(super) use part::units_of;

pub(crate) fn worker(args: &WorkerArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work.work, ui.runtime())?;
    let job = job(&work, &args.work.work, args.work.job.as_deref())?;
    let rank = args.world.map(|world| part::rank(args.rank, world)).transpose()?;
    if args.retry_quarantined {
        let n_units = work.retry_quarantined(&job)?;
        ui.note(&format!(
            "{:16} {}, given up before, will be retried",
            "quarantine",
            counted(n_units as u64, "unit")
        ));
    }
    let threads =
        ComputeSettings { threads: args.threads.map(usize::from), ..ComputeSettings::default() }.threads();
    let current = Current::watch()?;
    if args.stop_with_parent {
        current.stop_with_parent();
    }
    let mut worker = Worker {
        attempts: Attempts { worker: name(), limit: NonZeroU32::new(args.max_attempts) },
        current,
        roster: Roster::open(&job, args, threads, ui)?,
        work: &work,
    };
    match rank.zip(args.world) {
        Some((rank, world)) => part::run(&mut worker, &job, rank, world, ui),
        None => serve::serve(&mut worker, &job, ui),
    }
}

/// A worker that computes units.
struct Worker<'a> {
    work: &'a WorkDir,
    roster: Roster,
    attempts: Attempts,
    current: Current,
}

impl Worker<'_> {
    /// Computes a unit; loads its model unless it is loaded.
    fn run(&mut self, unit: Unit<'_>) -> Result<Receipt, Failure> {
        let current = &self.current;
        if let Some(done_before) = self.work.receipt(unit)? {
            return Ok(done_before);
        }
        let engine = self.roster.engine(&unit.model.role).map_err(Failure::Again)?;
        let mut observe = |step: Step| match step {
            Step::Missing => current.beginning(),
            Step::Begun(attempt) => current.begun(attempt),
            Step::Withdrawn => current.end(),
            _ => {}
        };
        let (work, attempts) = (&self.work, &self.attempts);
        let engine = engine.measured_by(unit.model.measure);
        let receipt = work.run_unit(unit, &engine, attempts, &mut observe);
        current.end();
        Ok(receipt?)
    }
}

/// Why a unit has no commit.
#[derive(Debug)]
enum Failure {
    /// A new process may do better: the device or the store failed.
    Again(anyhow::Error),
    /// No process will do better.
    Never(anyhow::Error),
}

impl Failure {
    fn error(&self) -> &anyhow::Error {
        let (Self::Again(error) | Self::Never(error)) = self;
        error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine { .. } | Error::Store { again: true, .. } | Error::Io(_) => {
                Self::Again(error.into())
            }
            _ => Self::Never(error.into()),
        }
    }
}

/// Who this is, to a person who reads the marks of tries.
fn name() -> String {
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}:{}", if host.is_empty() { "process" } else { host }, process::id())
}
