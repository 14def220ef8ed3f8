//! Signals: the current attempt is withdrawn before the process ends, so that it does not count.

use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use lobass::worker::AttemptState;

/// The current attempt, shared with the thread that waits for signals.
#[derive(Clone)]
pub(super) struct Current(Arc<(Mutex<AttemptState>, Condvar)>);

/// The interval of checks for the parent.
#[cfg(unix)]
const EVERY: Duration = Duration::from_millis(250);
/// The longest wait for a mark that is being written.
const PATIENCE: Duration = Duration::from_secs(10);

impl Current {
    /// Watches for signals from now on.
    pub(super) fn watch() -> anyhow::Result<Self> {
        let current = Self(Arc::default());
        #[cfg(unix)]
        current.watch_signals().context("a handler of signals")?;
        Ok(current)
    }

    /// `SIGTERM` and `SIGINT` end the process as usual, once the attempt is withdrawn. Slurm can send `SIGUSR1` before the
    /// time of a job ends; it ends in the exit code that asks for another run.
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

    /// Ends the process when its parent has ended. The end of standard input does not show that, since requests may come
    /// from a file.
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

    pub(super) fn set(&self, state: AttemptState) {
        *self.lock() = state;
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, AttemptState> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Withdraws the attempt and ends the process.
    pub(super) fn stop(&self, code: i32) -> ! {
        let beginning = |state: &mut AttemptState| matches!(state, AttemptState::Beginning);
        let waited = self.0.1.wait_timeout_while(self.lock(), PATIENCE, beginning);
        // The lock is held to the end, so that no other attempt begins.
        let (current, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let AttemptState::Begun(attempt) = &*current {
            // If the store fails now, the attempt counts as one that died.
            let _ = attempt.withdraw();
        }
        process::exit(code)
    }
}
