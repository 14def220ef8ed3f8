//! `lobass worker`: units, one after the other, on this machine.

mod rank;
mod signals;

use std::io::IsTerminal as _;
use std::num::NonZeroU32;
use std::process;

use anyhow::bail;
use lobass::place::{job, resume};
use lobass::settings::available_threads;
use lobass::worker::{ModelPaths, Worker, WorkerOptions};
use lobass_core::readable::counted;
use lobass_run::Attempts;
use signals::Current;

use crate::args::WorkerArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn worker(args: &WorkerArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work.work, ui.runtime())?;
    let job = job(&work, &args.work.work, args.work.job.as_deref())?;
    let rank = args.world.map(|world| rank::rank(args.rank, world)).transpose()?;
    if args.retry_quarantined {
        let units = counted(work.retry_quarantined(&job)? as u64, "unit");
        ui.note(&format!("{:16} {units}, given up before, will be retried", "quarantine"));
    }
    let current = Current::watch()?;
    if args.stop_with_parent {
        current.stop_with_parent();
    }
    let options = WorkerOptions {
        models: ModelPaths {
            base: args.base.as_deref(),
            reference: args.reference.as_deref(),
            null: args.null.as_deref(),
        },
        device: args.device.as_deref(),
        threads: args.threads.map_or_else(available_threads, usize::from),
        attempts: Attempts { worker: name(), limit: NonZeroU32::new(args.max_attempts) },
    };
    let mut worker = Worker::open(&work, &job, &options, |state| current.set(state), ui.runtime())?;
    match rank.zip(args.world) {
        Some((rank, world)) => part(&mut worker, rank, world, ui),
        None => serve(&mut worker, args.stop_with_parent, ui),
    }
}

/// Does one part of all units.
fn part(worker: &mut Worker<'_>, rank: u32, world: u32, ui: &Ui) -> anyhow::Result<Outcome> {
    let report = worker.run_part(rank, world, ui.runtime());
    if report.stopped {
        ui.warn("finished work is kept: run the same command again");
    }
    ui.result(&report, &report)?;
    if report.hopeless {
        bail!("{} failed, and another attempt will not help", counted(report.n_failed, "unit"));
    }
    Ok(if report.stopped { Outcome::Unfinished } else { Outcome::incomplete_if(report.n_quarantined > 0) })
}

/// Does the units that are named on standard input.
fn serve(worker: &mut Worker<'_>, has_driver: bool, ui: &Ui) -> anyhow::Result<Outcome> {
    if std::io::stdin().is_terminal() {
        ui.note(
            "units are read from standard input, one request per line; `--world N` does a part of all units",
        );
    }
    let served = worker.serve(std::io::stdin().lock(), std::io::stdout())?;
    // A driver starts workers that may find nothing left to do.
    if served.n_requests == 0 && !has_driver {
        ui.warn(
            "standard input requested no unit, so no unit was done; `--world N` does a part of all units",
        );
    }
    Ok(if served.again { Outcome::Unfinished } else { Outcome::Done })
}

/// The name of this process, for a person who reads the marks of attempts.
fn name() -> String {
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}:{}", if host.is_empty() { "process" } else { host }, process::id())
}
