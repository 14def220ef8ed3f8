//! One unit: its model is loaded, and its losses are computed and committed.

use std::fmt;

use lobass_run::{Attempt, Attempts, Job, Receipt, Step, Unit, WorkDir};

use super::roster::{ModelPaths, Roster};
use crate::error::{Error, Result};
use crate::runtime::Runtime;

/// Options of a worker.
#[derive(Debug, Clone)]
pub struct WorkerOptions<'a> {
    /// The paths of the models, if they differ from those of the plan.
    pub models: ModelPaths<'a>,
    /// The device, of the kind that was planned; `None` takes the first of that kind.
    pub device: Option<&'a str>,
    /// Threads; at least 1.
    pub threads: usize,
    /// The name of the worker in the marks of its attempts, and the attempts after which a unit is given up.
    pub attempts: Attempts,
}

/// The state of the current attempt. A process that ends before the attempt does should withdraw it, so that it does
/// not count.
#[derive(Debug, Default)]
pub enum AttemptState {
    /// There is no attempt.
    #[default]
    Idle,
    /// The mark of an attempt is being written.
    Beginning,
    /// The mark of an attempt is written.
    Begun(Attempt),
}

/// Computes the units of a job on one device.
pub struct Worker<'a> {
    pub(super) work: &'a WorkDir,
    pub(super) job: &'a Job,
    pub(super) roster: Roster,
    attempts: Attempts,
    watch: Box<dyn FnMut(AttemptState) + 'a>,
}

/// The reason why a unit has no commit.
#[derive(Debug)]
pub enum Failure {
    /// A new process may succeed: the device or the store failed.
    Again(Error),
    /// No process will succeed.
    Never(Error),
}

impl<'a> Worker<'a> {
    /// Opens the models of a job on the device of a worker. `watch` gets the state of each attempt.
    ///
    /// # Errors
    /// If a model or the device is missing, or the weights are not those of the plan.
    pub fn open(
        work: &'a WorkDir,
        job: &'a Job,
        options: &WorkerOptions<'_>,
        watch: impl FnMut(AttemptState) + 'a,
        runtime: &Runtime,
    ) -> Result<Self> {
        let WorkerOptions { models, device, threads, attempts } = options;
        let roster = Roster::open(job, *models, *device, *threads, runtime)?;
        Ok(Self { work, job, roster, attempts: attempts.clone(), watch: Box::new(watch) })
    }

    /// Computes and commits a unit. Its model is loaded, and replaces the model of the unit before.
    ///
    /// # Errors
    /// If the model cannot be loaded, the device fails, or the store cannot be read or written.
    pub fn run(&mut self, unit: Unit<'_>) -> Result<Receipt, Failure> {
        if let Some(done_before) = self.work.receipt(unit)? {
            return Ok(done_before);
        }
        let engine = self.roster.engine(&unit.model.role).map_err(Failure::Again)?;
        let watch = &mut self.watch;
        let mut observe = |step: Step| match step {
            Step::Missing => watch(AttemptState::Beginning),
            Step::Begun(attempt) => watch(AttemptState::Begun(attempt)),
            Step::Withdrawn => watch(AttemptState::Idle),
            _ => {}
        };
        let engine = engine.measured_by(unit.model.measure);
        let receipt = self.work.run_unit(unit, &engine, &self.attempts, &mut observe);
        (self.watch)(AttemptState::Idle);
        Ok(receipt?)
    }
}

impl Failure {
    /// The error.
    pub fn error(&self) -> &Error {
        let (Self::Again(error) | Self::Never(error)) = self;
        error
    }
}

impl From<lobass_run::Error> for Failure {
    fn from(error: lobass_run::Error) -> Self {
        use lobass_run::Error::{Engine, Io, Store};
        match error {
            Engine { .. } | Store { again: true, .. } | Io(_) => Self::Again(error.into()),
            _ => Self::Never(error.into()),
        }
    }
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("job", &self.job.id())
            .field("device", &self.roster.device())
            .finish_non_exhaustive()
    }
}
