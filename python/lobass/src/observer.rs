//! A Python program that calls the library: its functions, its interrupts, its exceptions.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lobass::{Error, Observer, Runtime, StageProgress};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(
    lobass,
    LobassError,
    PyException,
    "A call failed. The text says where, what was expected, what was found, and what to do."
);

/// How a call reports to Python: functions for progress and for lines, and the command that starts this program.
#[pyclass(frozen)]
pub(crate) struct Caller {
    program: Vec<OsString>,
    progress: Py<PyAny>,
    say: Py<PyAny>,
}

#[pymethods]
impl Caller {
    /// `progress` gets (stage, unit, done, all, tokens), `say` gets (is a warning, line).
    #[new]
    fn new(program: Vec<OsString>, progress: Py<PyAny>, say: Py<PyAny>) -> Self {
        Self { program, progress, say }
    }
}

impl Caller {
    /// Runs a call of the library without holding the interpreter.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Runtime) -> lobass::Result<T> + Send,
    ) -> PyResult<T> {
        let program = Arc::new(Program {
            progress: self.progress.clone_ref(py),
            say: self.say.clone_ref(py),
            raised: Mutex::default(),
        });
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let runtime = Runtime::new(program.clone())
            .with_variables(variables, std::env::home_dir())
            .with_program(self.program.clone());
        let outcome = py.detach(|| call(&runtime));
        match (program.raised().take(), outcome) {
            (Some(raised), _) => Err(raised),
            (None, Ok(value)) => Ok(value),
            (None, Err(error)) => Err(exception(&error)),
        }
    }
}

/// Settings that mean nothing are a `ValueError`.
fn exception(error: &Error) -> PyErr {
    match error.cause() {
        Error::Settings(_) | Error::Budget(_) => PyValueError::new_err(error.explain()),
        _ => LobassError::new_err(error.explain()),
    }
}

/// A Python program as an observer. What goes wrong in its functions stops the call, and is raised at the end.
struct Program {
    progress: Py<PyAny>,
    say: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
}

impl Program {
    fn raised(&self) -> MutexGuard<'_, Option<PyErr>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the first exception.
    fn keep(&self, outcome: PyResult<()>) {
        if let Err(error) = outcome {
            self.raised().get_or_insert(error);
        }
    }

    fn say(&self, is_warning: bool, line: &str) {
        self.keep(Python::attach(|py| self.say.call1(py, (is_warning, line)).map(|_| ())));
    }
}

impl Observer for Program {
    fn note(&self, line: &str) {
        self.say(false, line);
    }

    fn warn(&self, line: &str) {
        self.say(true, line);
    }

    fn progress(&self, at: &StageProgress<'_>) {
        let unit = format!("{:?}", at.unit).to_lowercase();
        let arguments = (at.stage, unit.trim_end_matches('s'), at.done, at.all, at.n_tokens);
        self.keep(Python::attach(|py| self.progress.call1(py, arguments).map(|_| ())));
    }

    /// Python sees signals on its main thread only.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "as a method it has one lifetime, not any")]
    fn is_interrupted(&self) -> bool {
        self.keep(Python::attach(|py| py.check_signals()));
        self.raised().is_some()
    }
}
