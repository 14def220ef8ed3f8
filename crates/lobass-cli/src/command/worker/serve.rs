//! Units by JSON lines: requests come in on standard input, results go out on standard output.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lobass_run::{Answer, Job, PROTOCOL_VERSION, Ready, Request, Unit};
use serde::Serialize;

use super::{Failure, Worker};
use crate::exit::Outcome;
use crate::ui::Ui;

/// Answers every request on standard input, also those that are left when it ends.
pub(super) fn serve(worker: &mut Worker<'_>, job: &Job, ui: &Ui) -> anyhow::Result<Outcome> {
    let device = worker.roster.device().to_owned();
    let ready = Ready {
        v: PROTOCOL_VERSION,
        ready: true,
        plan: job.plan.clone(),
        job: job.id(),
        device,
        pid: process::id(),
    };
    say(&ready)?;
    if std::io::stdin().is_terminal() {
        ui.note(
            "units are read from standard input, one request per line; `--world N` does a part of all units",
        );
    }
    let mut was_asked = false;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        was_asked = true;
        let request = read(&line)?;
        let unit = find(worker, job, &request)?;
        let started = Instant::now();
        let outcome = worker.run(unit);
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(receipt) => say(&Answer::Done { v: PROTOCOL_VERSION, receipt, seconds })?,
            Err(failure) => {
                let Request { model, shard, .. } = request;
                let error = format!("{:#}", failure.error());
                let again = matches!(failure, Failure::Again(_));
                say(&Answer::Failed {
                    v: PROTOCOL_VERSION,
                    model,
                    shard,
                    state: "failed".to_owned(),
                    error,
                    again,
                })?;
                if again {
                    return Ok(Outcome::Unfinished);
                }
            }
        }
    }
    if !was_asked {
        ui.warn(
            "standard input requested no unit, so no unit was done; `--world N` does a part of all units",
        );
    }
    Ok(Outcome::Done)
}

fn read(line: &str) -> anyhow::Result<Request> {
    let request: Request = serde_json::from_str(line).with_context(|| {
        format!("expected a request such as {{\"v\":1,\"op\":\"score\",\"model\":\"base\",\"shard\":0}}, found `{line}`")
    })?;
    if request.v != PROTOCOL_VERSION {
        bail!("expected version {PROTOCOL_VERSION} of the protocol, found {}", request.v);
    }
    Ok(request)
}

fn find<'a>(worker: &Worker<'a>, job: &'a Job, request: &Request) -> anyhow::Result<Unit<'a>> {
    let Request { model, shard, .. } = request;
    let mut units = worker.work.units(job);
    units
        .find(|unit| unit.model.role == *model && unit.shard.id == *shard)
        .with_context(|| format!("the job has no unit of model `{model}` and shard {shard}"))
}

fn say(message: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(message)?)?;
    Ok(out.flush()?)
}
