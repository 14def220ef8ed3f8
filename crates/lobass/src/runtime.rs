//! The runtime of a call: its observer, environment, and processes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::DateTime;
use lobass_core::{Observer, Silent, StageProgress};
use lobass_hub::HubSettings;

use crate::error::{Error, Result};
use crate::memory::Memory;

/// The runtime of a call: its observer, the environment, and how processes are started.
///
/// The library reads neither the environment nor global state. [`Runtime::default`] is silent and has no hub and no
/// credentials; a program adds what it has. Clones share what was found out: hub revisions, and devices that were
/// tried.
///
/// ```
/// use lobass::{Observer, Runtime};
///
/// // With the environment variables of this process: HF_TOKEN, HF_HOME, AWS_REGION, and others.
/// let variables = std::env::vars();
/// let runtime = Runtime::default().with_variables(variables, std::env::home_dir());
/// assert!(!runtime.is_interrupted());
/// ```
#[derive(Clone)]
pub struct Runtime {
    observer: Arc<dyn Observer>,
    home: Option<PathBuf>,
    hub: Option<HubSettings>,
    variables: Vec<(String, String)>,
    program: Vec<OsString>,
    now: Option<DateTime>,
    memory: Arc<Mutex<Memory>>,
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new(Arc::new(Silent))
    }
}

impl Runtime {
    /// A runtime that reports to an observer.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            home: None,
            hub: None,
            variables: Vec::new(),
            program: Vec::new(),
            now: None,
            memory: Arc::default(),
        }
    }

    /// Takes the settings of the hub and the credentials of object stores from environment variables, and the home
    /// directory for `~` in paths. Other variables are ignored.
    #[must_use]
    pub fn with_variables(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        home: Option<PathBuf>,
    ) -> Self {
        let all: BTreeMap<String, String> = variables.into_iter().collect();
        self.hub = lobass_hub::settings_from(&|name| all.get(name).cloned(), home.as_deref());
        // Clients of object stores would take names without a prefix too, such as `TOKEN`, that mean something else.
        let prefixes = ["AWS_", "GOOGLE_", "AZURE_"];
        let is_theirs = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        self.variables = all.into_iter().filter(|(name, _)| is_theirs(name)).collect();
        self.home = home;
        self
    }

    /// Fetches models and data sets of the hub with these settings.
    #[must_use]
    pub fn with_hub(mut self, settings: HubSettings) -> Self {
        self.hub = Some(settings);
        self
    }

    /// The command that starts `lobass` in a new process: the program and its first arguments. Devices other than `cpu`
    /// are tried in a process first, and several devices need a worker process each.
    #[must_use]
    pub fn with_program(mut self, program: Vec<OsString>) -> Self {
        self.program = program;
        self
    }

    /// The time that chat templates see. Without it, they see the current time.
    #[must_use]
    pub fn at(mut self, now: DateTime) -> Self {
        self.now = Some(now);
        self
    }

    /// This runtime with another observer.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self.clone() }
    }

    /// This runtime without notes, warnings, and progress. It can still be interrupted.
    #[must_use]
    pub fn silent(&self) -> Self {
        self.observed_by(Arc::new(Muted(Arc::clone(&self.observer))))
    }

    /// The home directory, if the runtime has one.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The settings of the hub, if there are any.
    pub fn hub(&self) -> Option<&HubSettings> {
        self.hub.as_ref()
    }

    /// Ends a call if the observer asks to stop.
    pub(crate) fn go_on(&self) -> Result<()> {
        if self.is_interrupted() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// A result in which a call that the observer stopped has the error [`Error::Interrupted`].
    pub(crate) fn stopped<T>(&self, result: Result<T, impl Into<Error>>) -> Result<T> {
        result.map_err(|error| match error.into() {
            Error::Store(lobass_run::Error::Unfinished { .. })
            | Error::Train(lobass_train::Error::Interrupted { .. })
                if self.is_interrupted() =>
            {
                Error::Interrupted
            }
            other => other,
        })
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.variables.iter().cloned()
    }

    pub(crate) fn now(&self) -> DateTime {
        self.now.unwrap_or_else(|| jiff::Zoned::now().datetime())
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command that starts lobass, without arguments yet.
    pub(crate) fn process(&self, what: &str) -> Result<Command> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(Error::Device(format!(
                "{what} needs a process of lobass, and this program has not said how to start one \
                 (`Runtime::with_program`)"
            )));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(command)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("home", &self.home)
            .field("hub", &self.hub)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Observer for Runtime {
    fn note(&self, line: &str) {
        self.observer.note(line);
    }

    fn warn(&self, line: &str) {
        self.observer.warn(line);
    }

    fn progress(&self, at: &StageProgress<'_>) {
        self.observer.progress(at);
    }

    fn is_interrupted(&self) -> bool {
        self.observer.is_interrupted()
    }
}

/// An observer that only passes on whether to stop.
struct Muted(Arc<dyn Observer>);

impl Observer for Muted {
    fn note(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn progress(&self, _: &StageProgress<'_>) {}

    fn is_interrupted(&self) -> bool {
        self.0.is_interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_others_are_left_alone() {
        let variables = [("TOKEN", "x"), ("AWS_REGION", "eu"), ("HF_HOME", "/models")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let runtime = Runtime::default().with_variables(variables, None);
        assert_eq!(runtime.variables().collect::<Vec<_>>(), [("AWS_REGION".to_owned(), "eu".to_owned())]);
        assert_eq!(runtime.hub().unwrap().cache, Path::new("/models/hub"));
        assert!(Runtime::default().hub().is_none());
    }

    #[test]
    fn a_process_needs_a_program() {
        let error = Runtime::default().process("device `cuda`").unwrap_err().to_string();
        assert!(error.starts_with("device `cuda` needs a process of lobass"), "{error}");
        let runtime = Runtime::default().with_program(vec!["python".into(), "-m".into(), "lobass".into()]);
        let command = runtime.process("a worker").unwrap();
        assert_eq!((command.get_program(), command.get_args().count()), ("python".as_ref(), 2));
    }
}
