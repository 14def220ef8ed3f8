//! Being told to stop: what is under way is given back, and does not count as a try.

use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use lobass_run::Attempt;

/// The try that is under way, if there is one.
#[derive(Clone)]
pub(super) struct Current(Arc<(Mutex<Try>, Condvar)>);

#[derive(Default)]
enum Try {
    #[default]
    None,
    /// Its mark is being written.
    Beginning,
    Begun(Attempt),
}

/// The pause between two checks for the parent.
#[cfg(unix)]
const EVERY: Duration = Duration::from_millis(250);
/// How long writing a mark may take before it is abandoned.
const PATIENCE: Duration = Duration::from_secs(10);

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

    /// Ends the process when the one that started it has ended: what that one asked for, nobody waits for any more. The
    /// end of standard input does not say so, since requests may come from a file.
    pub(super) fn stop_with_parent(&self) {
        #[cfg(unix)]
        {
            let (current, parent) = (self.clone(), std::os::unix::process::parent_id());
            std::thread::spawn(move || {
                while std::os::unix::process::parent_id() == parent {
                    std::thread::sleep(EVERY);
                }
                current.stop(crate::exit::UNFINISHED.into())
            });
        }
    }

    /// A mark is about to be written.
    pub(super) fn beginning(&self) {
        self.set(Try::Beginning);
    }

    pub(super) fn begun(&self, attempt: Attempt) {
        self.set(Try::Begun(attempt));
    }

    pub(super) fn end(&self) {
        self.set(Try::None);
    }

    fn set(&self, state: Try) {
        *self.lock() = state;
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Try> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the try back and ends the process.
    pub(super) fn stop(&self, code: i32) -> ! {
        let beginning = |state: &mut Try| matches!(state, Try::Beginning);
        let waited = self.0.1.wait_timeout_while(self.lock(), PATIENCE, beginning);
        // Held to the end, so that no other try begins.
        let (current, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Try::Begun(attempt) = &*current {
            // If the store fails now, the attempt counts as one that died; this cannot be reported.
            let _ = attempt.withdraw();
        }
        process::exit(code)
    }
}
