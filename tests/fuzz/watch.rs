//! Ends the process when an input takes too long.
//!
//! What counts is the time that the process computes, not what the clock says: a busy machine makes no input slow. An
//! input that waits instead of computing is ended by the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the threads of the process may compute for an input, all together.
const LIMIT: Duration = Duration::from_secs(10);
/// How long an input may take by the clock.
const CLOCK_LIMIT: Duration = Duration::from_mins(2);

/// When the current input began, in milliseconds of both times; 0 between inputs.
static BEGAN: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

/// Milliseconds since the first call, never 0.
fn clock() -> u64 {
    millis(EPOCH.get_or_init(Instant::now).elapsed()).saturating_add(1)
}

/// Milliseconds of processor time, if the system counts it: user and system time, which Linux counts in hundredths of a
/// second.
fn computed() -> Option<u64> {
    let text = fs_err::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in brackets and may hold anything.
    let fields = text.rsplit_once(')')?.1.split_whitespace();
    let times: Vec<u64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(times.iter().sum::<u64>() * 10)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Starts to watch.
pub(crate) fn start() {
    clock();
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let began = BEGAN.each_ref().map(|began| began.load(Ordering::Relaxed));
            if began[0] == 0 {
                continue;
            }
            let by_clock = clock().saturating_sub(began[0]);
            let by_process = computed().map_or(by_clock, |computed| computed.saturating_sub(began[1]));
            if by_process > millis(LIMIT) {
                end(&format!("an input takes longer than {} s", LIMIT.as_secs()));
            } else if by_clock > millis(CLOCK_LIMIT) {
                end(&format!("an input takes longer than {} s by the clock", CLOCK_LIMIT.as_secs()));
            }
        }
    });
}

#[expect(clippy::print_stderr, reason = "`cargo xtask fuzz` shows why a process ended")]
fn end(why: &str) {
    eprintln!("{why}");
    std::process::abort();
}

/// Runs one input under watch.
pub(crate) fn input(run: impl FnOnce()) {
    BEGAN[1].store(computed().unwrap_or_default(), Ordering::Relaxed);
    BEGAN[0].store(clock(), Ordering::Relaxed);
    run();
    BEGAN[0].store(0, Ordering::Relaxed);
}
