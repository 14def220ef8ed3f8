//! Ends the process when an input takes too long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long an input may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// When the current input began, in milliseconds since the epoch of the process; 0 between inputs.
static BEGAN: AtomicU64 = AtomicU64::new(0);

static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

fn now() -> u64 {
    let since = EPOCH.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Starts to watch.
#[expect(clippy::print_stderr, reason = "`cargo xtask fuzz` shows why a process ended")]
pub(crate) fn start() {
    now();
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let began = BEGAN.load(Ordering::Relaxed);
            if began > 0 && now().saturating_sub(began) > u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX)
            {
                eprintln!("an input takes longer than {} s", LIMIT.as_secs());
                std::process::abort();
            }
        }
    });
}

/// Runs one input under watch.
pub(crate) fn input(run: impl FnOnce()) {
    BEGAN.store(now(), Ordering::Relaxed);
    run();
    BEGAN.store(0, Ordering::Relaxed);
}
