//! Several devices of one machine, each with a worker process that trains one trial after the other.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use lobass_core::Observer as _;
use lobass_core::readable::duration;
use serde::{Deserialize, Serialize};

use super::opened::Comparison;
use crate::error::{Context as _, Error, Result, bail};
use crate::runtime::Runtime;

/// Several devices of this machine, each with a worker process.
#[derive(Debug)]
pub struct Devices<'a> {
    /// The names of the devices, such as `cuda:0`.
    pub names: &'a [String],
    /// Threads of all worker processes together.
    pub threads: usize,
    /// The arguments of the `lobass compare` that makes this comparison. The process of each device runs the same
    /// command.
    pub arguments: &'a [OsString],
    /// Starts the worker processes, and reports for them.
    pub runtime: &'a Runtime,
}

/// A training, by its id, which is also the name of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: String,
    /// The training in words.
    pub(super) words: String,
}

/// A comparison whose trainings worker processes do.
pub(super) trait Shared {
    /// Trainings that are not done, and the number of all.
    fn undone(&self, runtime: &Runtime) -> Result<(Vec<Task>, usize)>;

    /// Notes that a training is done, the `n_done`th.
    fn say_done(&self, task: &Task, n_done: usize, took: &str, runtime: &Runtime) -> Result<()>;

    /// Does the training with an id, unless it is done. Returns `false` if no training has this id.
    fn do_one(&self, id: &str, runtime: &Runtime) -> Result<bool>;
}

/// A message of a worker: first that it is ready, then the result of each trial.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    trial: Option<String>,
    error: Option<String>,
}

/// A message of the thread that drives a worker.
enum Event {
    Done {
        trial: Task,
        took: String,
    },
    /// The trial failed and the worker did not: trying again would fail again.
    Broken {
        trial: Task,
        what: String,
    },
    Failed {
        device: String,
        what: String,
    },
}

impl Devices<'_> {
    /// Runs every open trial; returns whether all trials are done now. A worker that dies is not replaced: the others
    /// go on, and the next call takes up its trial.
    ///
    /// # Errors
    /// If the remaining trials fail on every device, or a record cannot be read.
    pub fn run(&self, comparison: &Comparison) -> Result<bool> {
        self.hand_out(comparison)
    }

    pub(super) fn hand_out(&self, comparison: &dyn Shared) -> Result<bool> {
        let runtime = self.runtime;
        let (open, n_trials) = comparison.undone(runtime)?;
        let mut n_done = n_trials - open.len();
        let todo = Mutex::new(VecDeque::from(open));
        let mut broken = Vec::new();
        thread::scope(|scope| {
            let (events, reports) = mpsc::channel();
            for device in self.names {
                let (events, todo) = (events.clone(), &todo);
                scope.spawn(move || {
                    if let Err(error) = self.drive(device, todo, &events) {
                        let what = error.chain();
                        // The receiver lives longer than the senders.
                        let _ = events.send(Event::Failed { device: device.clone(), what });
                    }
                });
            }
            drop(events);
            for event in reports {
                match event {
                    Event::Done { trial, took } => {
                        n_done += 1;
                        comparison.say_done(&trial, n_done, &took, runtime)?;
                    }
                    Event::Broken { trial, what } => {
                        runtime.warn(&format!("{}: {what}", trial.words));
                        broken.push(trial.words);
                    }
                    Event::Failed { device, what } => {
                        runtime.warn(&format!("the worker on {device} is gone: {what}"));
                    }
                }
            }
            Ok::<_, Error>(())
        })?;
        if !broken.is_empty() && n_done + broken.len() == n_trials {
            bail!(Comparison, "trials that cannot be done: {}", broken.join("; "));
        }
        if n_done < n_trials {
            runtime.warn(&format!(
                "{} of {n_trials} trials are not done yet; the same command does them",
                n_trials - n_done
            ));
        }
        Ok(n_done == n_trials)
    }

    fn drive(&self, device: &str, todo: &Mutex<VecDeque<Task>>, events: &mpsc::Sender<Event>) -> Result<()> {
        let mut worker = WorkerProcess::start(self, device)?;
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(trial) = next.filter(|_| !self.runtime.is_interrupted()) else { return worker.end() };
            let started = Instant::now();
            let event = match worker.ask(&trial).with_context(|| trial.words.clone())? {
                None => Event::Done { trial, took: duration(started.elapsed()) },
                Some(what) => Event::Broken { trial, what },
            };
            // The receiver lives longer than the senders.
            let _ = events.send(event);
        }
    }
}

/// A process that runs the same command for one device.
struct WorkerProcess {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl WorkerProcess {
    fn start(devices: &Devices<'_>, device: &str) -> Result<Self> {
        let threads = (devices.threads / devices.names.len()).max(1);
        let mut command = devices.runtime.process("a comparison on several devices")?;
        command.args(devices.arguments);
        command.args(["--trial-worker", device]);
        command.args(["--trial-threads", &threads.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a process for the worker")?;
        let answers = BufReader::new(child.stdout.take().context("the worker's output")?);
        let mut worker = Self { child, answers };
        match worker.answer()? {
            Answer { trial: None, error: None } => Ok(worker),
            other => bail!(Comparison, "expected a worker that is ready, found {other:?}"),
        }
    }

    /// Runs a trial; returns the error if it failed.
    fn ask(&mut self, trial: &Task) -> Result<Option<String>> {
        let stdin = self.child.stdin.as_mut().context("the worker's input")?;
        // If it is gone, its end says more than this error would.
        let _ = writeln!(stdin, "{}", trial.id);
        match self.answer()? {
            Answer { trial: Some(id), error } if id == trial.id => Ok(error),
            other => bail!(Comparison, "expected an answer about `{}`, found {other:?}", trial.id),
        }
    }

    fn answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!(Comparison, "it ended with {}", self.child.wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("the worker said `{}`", line.trim()))
    }

    fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => bail!(Comparison, "it ended with {status}"),
        }
    }
}

impl Comparison {
    /// Trains what is asked for, one trial a line, until the requests end. A line of JSON answers each.
    ///
    /// # Errors
    /// If a request cannot be read or an answer cannot be written.
    pub fn serve(&self, requests: impl BufRead, answers: impl Write, runtime: &Runtime) -> Result<()> {
        serve(self, requests, answers, runtime)
    }
}

impl Shared for Comparison {
    fn undone(&self, runtime: &Runtime) -> Result<(Vec<Task>, usize)> {
        let open = self.open_trials(runtime)?.into_iter();
        Ok((open.map(|trial| Task { id: trial.id(), words: trial.say() }).collect(), self.trials().len()))
    }

    fn say_done(&self, task: &Task, n_done: usize, took: &str, runtime: &Runtime) -> Result<()> {
        if let Some(trial) = self.trials().iter().find(|trial| trial.id() == task.id)
            && let Some(record) = self.record(trial)?
        {
            self.say(n_done, trial, &record, took, runtime);
        }
        Ok(())
    }

    fn do_one(&self, id: &str, runtime: &Runtime) -> Result<bool> {
        let trials = self.trials();
        let trial = trials.iter().find(|trial| trial.id() == id);
        trial.map(|trial| self.run_trial(trial, runtime)).transpose().map(|record| record.is_some())
    }
}

/// Does what is asked for, one training a line, until the requests end. A line of JSON answers each.
pub(super) fn serve(
    comparison: &dyn Shared,
    requests: impl BufRead,
    mut answers: impl Write,
    runtime: &Runtime,
) -> Result<()> {
    let mut say = |answer: &Answer| -> Result<()> {
        writeln!(answers, "{}", serde_json::to_string(answer)?)?;
        Ok(answers.flush()?)
    };
    say(&Answer { trial: None, error: None })?;
    for line in requests.lines() {
        let id = line?;
        let error = match comparison.do_one(id.trim(), runtime) {
            Ok(true) => None,
            Ok(false) => {
                let unknown = Error::Comparison(format!("expected a trial of this comparison, found `{id}`"));
                Some(unknown.chain())
            }
            Err(error) => Some(error.chain()),
        };
        say(&Answer { trial: Some(id), error })?;
    }
    Ok(())
}
