//! Units by JSON lines: each request is a line, and so is each answer.

use std::io::{BufRead, Write};
use std::process;
use std::time::Instant;

use lobass_run::{Answer, PROTOCOL_VERSION, Ready, Request, Unit};
use serde::Serialize;

use super::unit::{Failure, Worker};
use crate::error::{Context as _, Result, bail};

/// The end of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The number of requests.
    pub n_requests: u64,
    /// Whether a new process should go on, since the device or the store failed.
    pub again: bool,
}

impl Worker<'_> {
    /// Answers every request until the input ends, or until the device or the store fails.
    ///
    /// # Errors
    /// If a request is malformed or names no unit of the job, or an answer cannot be written.
    pub fn serve(&mut self, requests: impl BufRead, mut answers: impl Write) -> Result<Served> {
        let device = self.roster.device();
        let (plan, job) = (self.job.plan.clone(), self.job.id());
        let ready = Ready { v: PROTOCOL_VERSION, ready: true, plan, job, device, pid: process::id() };
        say(&mut answers, &ready)?;
        let mut n_requests = 0;
        for line in requests.lines() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            n_requests += 1;
            let request = read(&line)?;
            let unit = find(self, &request)?;
            let started = Instant::now();
            let outcome = self.run(unit);
            let again = matches!(outcome, Err(Failure::Again(_)));
            say(&mut answers, &answer(request, outcome, started.elapsed().as_secs_f64()))?;
            if again {
                return Ok(Served { n_requests, again });
            }
        }
        Ok(Served { n_requests, again: false })
    }
}

fn answer(request: Request, outcome: Result<lobass_run::Receipt, Failure>, seconds: f64) -> Answer {
    match outcome {
        Ok(receipt) => Answer::Done { v: PROTOCOL_VERSION, receipt, seconds },
        Err(failure) => Answer::Failed {
            v: PROTOCOL_VERSION,
            model: request.model,
            shard: request.shard,
            state: "failed".to_owned(),
            error: failure.error().chain(),
            again: matches!(failure, Failure::Again(_)),
        },
    }
}

fn read(line: &str) -> Result<Request> {
    let request: Request = serde_json::from_str(line).with_context(|| {
        format!("expected a request such as {{\"v\":1,\"op\":\"score\",\"model\":\"base\",\"shard\":0}}, found `{line}`")
    })?;
    if request.v != PROTOCOL_VERSION {
        bail!(Worker, "expected version {PROTOCOL_VERSION} of the protocol, found {}", request.v);
    }
    Ok(request)
}

fn find<'a>(worker: &Worker<'a>, request: &Request) -> Result<Unit<'a>> {
    let Request { model, shard, .. } = request;
    let mut units = worker.work.units(worker.job);
    units
        .find(|unit| unit.model.role == *model && unit.shard.id == *shard)
        .with_context(|| format!("the job has no unit of model `{model}` and shard {shard}"))
}

fn say(answers: &mut impl Write, message: &impl Serialize) -> Result<()> {
    writeln!(answers, "{}", serde_json::to_string(message)?)?;
    Ok(answers.flush()?)
}
