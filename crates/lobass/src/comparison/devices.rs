//! Several devices of one machine, each with its own process that trains what it is asked for.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use lobass_core::Observer as _;
use lobass_core::readable::duration;
use serde::{Deserialize, Serialize};

use super::{Comparison, Trial};
use crate::error::{Context as _, Error, Result, bail};
use crate::runtime::Runtime;

/// The devices.
pub struct Devices<'a> {
    pub names: &'a [String],
    /// Of all of them together.
    pub threads: usize,
    /// The arguments of the command that makes this comparison: each device's process runs the same command.
    pub arguments: &'a [OsString],
    /// Starts the processes, and hears of them.
    pub runtime: &'a Runtime,
}

/// What a worker says: first that it is ready, then the result of each trial.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    trial: Option<String>,
    error: Option<String>,
}

/// What the workers' threads tell.
enum Event {
    Done {
        trial: Trial,
        took: String,
    },
    /// The worker lives on, and so would the same trial fail again.
    Broken {
        trial: Trial,
        what: String,
    },
    Failed {
        device: String,
        what: String,
    },
}

impl Devices<'_> {
    /// Has every trial done that is not; tells whether all of them are now. A worker that dies is not replaced: the
    /// others go on, and its trial is left for the next run.
    ///
    /// # Errors
    /// If all but some trials are done, and those fail whoever tries.
    pub fn run(&self, comparison: &Comparison) -> Result<bool> {
        let runtime = self.runtime;
        let open = comparison.open_trials(runtime)?;
        let n_trials = comparison.trials().len();
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
                        // The receiver outlives all of us.
                        let _ = events.send(Event::Failed { device: device.clone(), what });
                    }
                });
            }
            drop(events);
            for event in reports {
                match event {
                    Event::Done { trial, took } => {
                        n_done += 1;
                        if let Some(record) = comparison.record(&trial)? {
                            comparison.say(n_done, &trial, &record, &took, runtime);
                        }
                    }
                    Event::Broken { trial, what } => {
                        runtime.warn(&format!("{}: {what}", trial.say()));
                        broken.push(trial.say());
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
                "{} of {n_trials} trials are not done yet; the same command goes on with them",
                n_trials - n_done
            ));
        }
        Ok(n_done == n_trials)
    }

    fn drive(&self, device: &str, todo: &Mutex<VecDeque<Trial>>, events: &mpsc::Sender<Event>) -> Result<()> {
        let mut worker = WorkerProcess::start(self, device)?;
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(trial) = next else { return worker.end() };
            let started = Instant::now();
            let event = match worker.ask(&trial).with_context(|| trial.say())? {
                None => Event::Done { trial, took: duration(started.elapsed()) },
                Some(what) => Event::Broken { trial, what },
            };
            // The receiver outlives all of us.
            let _ = events.send(event);
        }
    }
}

/// The same command, for one device.
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

    /// Has a trial done; what is wrong with it if it failed.
    fn ask(&mut self, trial: &Trial) -> Result<Option<String>> {
        let stdin = self.child.stdin.as_mut().context("the worker's input")?;
        // If it is gone, its end says more than this error would.
        let _ = writeln!(stdin, "{}", trial.id());
        match self.answer()? {
            Answer { trial: Some(id), error } if id == trial.id() => Ok(error),
            other => bail!(Comparison, "expected an answer about `{}`, found {other:?}", trial.id()),
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
    /// Trains what is asked for on standard input, until there is nothing more.
    pub fn serve(&self) -> Result<()> {
        let trials = self.trials();
        let say = |answer: &Answer| -> Result<()> {
            let mut out = std::io::stdout();
            writeln!(out, "{}", serde_json::to_string(answer)?)?;
            Ok(out.flush()?)
        };
        say(&Answer { trial: None, error: None })?;
        for line in std::io::stdin().lock().lines() {
            let id = line?;
            let trial = trials.iter().find(|trial| trial.id() == id.trim());
            let done = match trial {
                Some(trial) => self.run(trial).map(|_| ()),
                None => Err(Error::Comparison(format!("`{id}` is no trial of this comparison"))),
            };
            say(&Answer { trial: Some(id), error: done.err().map(|error| error.chain()) })?;
        }
        Ok(())
    }
}
