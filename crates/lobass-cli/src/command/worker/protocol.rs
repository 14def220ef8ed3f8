//! Units by JSON lines: what is asked for comes in on standard input, what became of it goes out on standard output.

use std::io::{BufRead as _, Write as _};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use anyhow::{Context as _, bail};
use lobass_run::{Job, Receipt, Unit};
use serde::{Deserialize, Serialize};

use super::{Failure, Worker};
use crate::exit::{DONE, Outcome, UNFINISHED};

/// Of the lines; both sides say it.
pub(crate) const VERSION: u32 = 1;

/// What a worker says when it can begin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) v: u32,
    pub(crate) ready: bool,
    pub(crate) plan: String,
    pub(crate) job: String,
    pub(crate) device: String,
    pub(crate) pid: u32,
}

/// What a worker is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) v: u32,
    pub(crate) op: Op,
    pub(crate) model: String,
    pub(crate) shard: u32,
}

/// What is to be done with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Score,
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Done {
        v: u32,
        #[serde(flatten)]
        receipt: Receipt,
        seconds: f64,
    },
    Failed {
        v: u32,
        model: String,
        shard: u32,
        /// Always `failed`.
        state: String,
        error: String,
        /// Whether another process may do better. This one ends then.
        again: bool,
    },
}

/// Answers until standard input ends.
pub(super) fn serve(worker: &mut Worker<'_>, job: &Job) -> anyhow::Result<Outcome> {
    let device = worker.roster.device().to_owned();
    let ready =
        Ready { v: VERSION, ready: true, plan: job.plan.clone(), job: job.id(), device, pid: process::id() };
    say(&ready)?;
    let busy = Arc::new(AtomicBool::new(false));
    for line in requests(worker, &busy) {
        let request = read(&line?)?;
        let unit = find(worker, job, &request)?;
        let started = Instant::now();
        let outcome = worker.run(unit);
        let seconds = started.elapsed().as_secs_f64();
        busy.store(false, Ordering::SeqCst);
        match outcome {
            Ok(receipt) => say(&Answer::Done { v: VERSION, receipt, seconds })?,
            Err(failure) => {
                let Request { model, shard, .. } = request;
                let error = format!("{:#}", failure.error());
                let again = matches!(failure, Failure::Again(_));
                say(&Answer::Failed { v: VERSION, model, shard, state: "failed".to_owned(), error, again })?;
                if again {
                    return Ok(Outcome::Unfinished);
                }
            }
        }
    }
    Ok(Outcome::Done)
}

/// The lines of standard input. When it ends, whoever asked is gone, and so are we, in the middle of a unit too.
fn requests(worker: &Worker<'_>, busy: &Arc<AtomicBool>) -> mpsc::IntoIter<std::io::Result<String>> {
    let (sender, receiver) = mpsc::channel();
    let (current, busy) = (worker.current.clone(), Arc::clone(busy));
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            busy.store(true, Ordering::SeqCst);
            if sender.send(line).is_err() {
                return;
            }
        }
        let code = if busy.load(Ordering::SeqCst) { UNFINISHED } else { DONE };
        current.stop(code.into());
    });
    receiver.into_iter()
}

fn read(line: &str) -> anyhow::Result<Request> {
    let request: Request = serde_json::from_str(line).with_context(|| {
        format!("expected a request such as {{\"v\":1,\"op\":\"score\",\"model\":\"base\",\"shard\":0}}, found `{line}`")
    })?;
    if request.v != VERSION {
        bail!("expected version {VERSION} of the protocol, found {}", request.v);
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
