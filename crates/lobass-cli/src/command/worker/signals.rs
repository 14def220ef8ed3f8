//! Being told to stop: what is under way is given back, and does not count as a try.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use lobass_run::Attempt;

/// The try that is under way, if there is one.
#[derive(Clone)]
pub(super) struct Current(Arc<Mutex<Option<Attempt>>>);

impl Current {
    /// Watches for signals from now on.
    pub(super) fn watch() -> anyhow::Result<Self> {
        let current = Self(Arc::default());
        #[cfg(unix)]
        current.watch_signals().context("a handler of signals")?;
        Ok(current)
    }

    /// `SIGTERM` and `SIGINT` stop the process as they would without us, once the try is given back. `SIGUSR1` is how
    /// Slurm is asked to announce the end of a job's time, and ends in the exit code that asks for another go.
    #[cfg(unix)]
    fn watch_signals(&self) -> std::io::Result<()> {
        use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1])?;
        let current = self.clone();
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let code = if signal == SIGUSR1 { i32::from(crate::exit::UNFINISHED) } else { 128 + signal };
                current.stop(code);
            }
        });
        Ok(())
    }

    pub(super) fn begin(&self, attempt: Attempt) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempt);
    }

    pub(super) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Gives the try back and ends the process.
    #[expect(clippy::exit, reason = "a thread that computes cannot be asked to stop")]
    pub(super) fn stop(&self, code: i32) -> ! {
        // Held to the end, so that no other try begins.
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = current.take() {
            // If the store fails now, the try counts as one that died; there is nobody left to tell.
            let _ = attempt.withdraw();
        }
        process::exit(code)
    }
}
