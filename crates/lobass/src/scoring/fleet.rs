//! Several devices of one machine, each with a worker process.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use lobass_core::readable::counted;
use lobass_core::{ModelRole, Observer as _};
use lobass_run::{Answer, Job, Location, Op, PROTOCOL_VERSION, Progress, Ready, Request, Stage, WorkDir};

use crate::error::{Context as _, Result, bail};
use crate::progress;
use crate::runtime::Runtime;

/// Several devices of this machine, each with a worker process.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    /// The work directory.
    pub(crate) place: &'a Location,
    /// The names of the devices, such as `cuda:0`.
    pub(crate) devices: &'a [String],
    /// Threads of all workers together.
    pub(crate) threads: usize,
    /// The directories of the models.
    pub(crate) dirs: FleetModels<'a>,
    /// Starts the worker processes, and reports for them.
    pub(crate) runtime: &'a Runtime,
}

/// The directories of the models of a fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FleetModels<'a> {
    pub(crate) base: &'a Path,
    pub(crate) reference: Option<&'a Path>,
    pub(crate) null: Option<&'a Path>,
}

/// An open unit: the role of the model, the shard, and the number of rows.
type Todo = (ModelRole, u32, u64);

/// A message of the thread that drives a worker.
enum Event {
    Done { n_rows: u64, n_tokens: u64 },
    Failed { device: String, what: String },
}

impl Fleet<'_> {
    /// Computes every open unit of a job; returns whether all units are done now. A worker that dies is not replaced:
    /// the others go on, and the next call takes up its unit.
    ///
    /// # Errors
    /// If the work directory cannot be read.
    pub(crate) fn run(&self, work: &WorkDir, job: &Job) -> Result<bool> {
        let mut is_whole = true;
        for model in job.models() {
            let open = work.pending(job)?.into_iter().filter(|unit| unit.model == model);
            let todo: VecDeque<Todo> =
                open.map(|unit| (unit.model.role.clone(), unit.shard.id, unit.shard.n_rows)).collect();
            if !todo.is_empty() {
                is_whole &= self.run_model(work, job, &model.role, todo);
            }
        }
        Ok(is_whole)
    }

    fn run_model(&self, work: &WorkDir, job: &Job, role: &ModelRole, todo: VecDeque<Todo>) -> bool {
        let runtime = self.runtime;
        let n_rows = work.plan().n_rows();
        let mut observe = progress::stage(runtime, format!("score {role}"), n_rows);
        let mut progress = Progress::new(Stage::Score(role.to_string()), n_rows);
        progress.rows_resumed = n_rows - todo.iter().map(|(.., rows)| rows).sum::<u64>();
        progress.rows_done = progress.rows_resumed;
        let todo = Mutex::new(todo);
        thread::scope(|scope| {
            let (events, reports) = mpsc::channel();
            for device in self.devices {
                let (events, todo) = (events.clone(), &todo);
                scope.spawn(move || {
                    if let Err(error) = self.drive(device, job, todo, &events) {
                        // The receiver lives longer than the senders.
                        let _ = events.send(Event::Failed { device: device.clone(), what: error.chain() });
                    }
                });
            }
            drop(events);
            for event in reports {
                match event {
                    Event::Done { n_rows, n_tokens } => {
                        progress.rows_done += n_rows;
                        progress.n_tokens += n_tokens;
                        observe(progress.clone());
                    }
                    Event::Failed { device, what } => {
                        runtime.warn(&format!("the worker on {device} is gone: {what}"));
                    }
                }
            }
        });
        let is_whole = progress.rows_done == n_rows;
        if !is_whole {
            let left = counted(n_rows - progress.rows_done, "row");
            runtime
                .warn(&format!("not scored under model `{role}` yet: {left}; the same command scores them"));
        }
        is_whole
    }

    /// Gives units to one worker until none are left.
    fn drive(
        &self,
        device: &str,
        job: &Job,
        todo: &Mutex<VecDeque<Todo>>,
        events: &mpsc::Sender<Event>,
    ) -> Result<()> {
        let mut worker = WorkerProcess::start(self, device, job)?;
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let next = next.filter(|_| !self.runtime.is_interrupted());
            let Some((model, shard, n_rows)) = next else { return worker.end() };
            let request = Request { v: PROTOCOL_VERSION, op: Op::Score, model: model.clone(), shard };
            match worker.ask(&request).with_context(|| format!("model `{model}`, shard {shard}"))? {
                Answer::Done { receipt, .. } if receipt.state.is_done() => {
                    // The receiver lives longer than the senders.
                    let _ = events.send(Event::Done { n_rows, n_tokens: receipt.n_tokens });
                }
                Answer::Done { receipt, .. } => {
                    bail!(Worker, "model `{model}`, shard {shard}: {:?}", receipt.state)
                }
                Answer::Failed { error, .. } => bail!(Worker, "model `{model}`, shard {shard}: {error}"),
            }
        }
    }
}

/// A process of `lobass worker`.
struct WorkerProcess {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl WorkerProcess {
    fn start(fleet: &Fleet<'_>, device: &str, job: &Job) -> Result<Self> {
        let threads = (fleet.threads / fleet.devices.len()).max(1);
        let mut command = fleet.runtime.process("scoring on several devices")?;
        command
            .args(["worker", "--quiet", "--stop-with-parent", "--max-attempts", "0"])
            .args(["--device", device, "--job", &job.id()])
            .args(["--threads", &threads.to_string(), "--work"])
            .arg(fleet.place.as_given())
            .arg("--base")
            .arg(fleet.dirs.base);
        for (flag, dir) in [("--reference", fleet.dirs.reference), ("--null", fleet.dirs.null)] {
            if let Some(dir) = dir {
                command.arg(flag).arg(dir);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a process for the worker")?;
        let answers = BufReader::new(child.stdout.take().context("the worker's output")?);
        let mut worker = Self { child, answers };
        let line = worker.line()?;
        let ready: Ready =
            serde_json::from_str(&line).with_context(|| format!("the worker said `{line}`"))?;
        if ready.v != PROTOCOL_VERSION || !ready.ready {
            bail!(Worker, "expected a worker of version {PROTOCOL_VERSION}, found `{line}`");
        }
        Ok(worker)
    }

    fn ask(&mut self, request: &Request) -> Result<Answer> {
        let stdin = self.child.stdin.as_mut().context("the worker's input")?;
        // If it is gone, its end says more than this error would.
        let _ = writeln!(stdin, "{}", serde_json::to_string(request)?);
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("the worker said `{line}`"))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!(Worker, "it ended with {}", self.child.wait()?);
        }
        Ok(line.trim().to_owned())
    }

    fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => bail!(Worker, "it ended with {status}"),
        }
    }
}
