//! Commands, run for a Python program.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};

use lobass_cli::{Observer, Refusal, StageProgress, run_for_as};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(
    lobass,
    LobassError,
    PyException,
    "Something could not be done. The text is that of the command line: what was expected, what was found, and where."
);

/// A Python program as an observer. What goes wrong in its own functions stops the command, and is raised at the end.
struct Program {
    progress: Py<PyAny>,
    say: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
}

impl Program {
    fn raised(&self) -> std::sync::MutexGuard<'_, Option<PyErr>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the first of what went wrong.
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
        let told = (at.stage, at.done, at.all, at.n_tokens);
        self.keep(Python::attach(|py| self.progress.call1(py, told).map(|_| ())));
    }

    /// Signals are seen on Python's main thread only.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "as a method it has one lifetime, not any")]
    fn is_interrupted(&self) -> bool {
        self.keep(Python::attach(|py| py.check_signals()));
        self.raised().is_some()
    }
}

/// Runs a command, with the result as JSON. `progress` gets (stage, done, all, tokens), `say` (is a warning, line).
#[pyfunction]
pub(crate) fn run(
    py: Python<'_>,
    program: Vec<OsString>,
    arguments: Vec<OsString>,
    progress: Py<PyAny>,
    say: Py<PyAny>,
) -> PyResult<String> {
    let observer = Arc::new(Program { progress, say, raised: Mutex::new(None) });
    let outcome = py.detach(|| run_for_as(program, observer.clone(), arguments));
    if let Some(error) = observer.raised().take() {
        return Err(error);
    }
    match outcome {
        Ok(result) => Ok(result.to_string()),
        Err(refusal) => {
            let text = refusal.to_string();
            Err(match refusal {
                Refusal::Arguments(_) => PyValueError::new_err(text),
                Refusal::Interrupted => PyKeyboardInterrupt::new_err(text),
                _ => LobassError::new_err(text),
            })
        }
    }
}

/// Runs a whole command line, and gives its exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| lobass_cli::run_as(program, arguments))
}
