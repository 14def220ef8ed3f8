//! Work on several threads whose result does not depend on their number.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `job` once for each number below `n_jobs` and returns the results in that order. Jobs share nothing.
///
/// # Panics
/// If a job does.
pub(super) fn each<T: Send>(n_jobs: usize, threads: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if threads < 2 || n_jobs < 2 {
        return (0..n_jobs).map(job).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= n_jobs {
                return done;
            }
            done.push((at, job(at)));
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(n_jobs)).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// How many rows make a job: enough work that starting a thread for it is nothing.
pub(super) fn rows_of_a_job(dim: usize, products_per_row: usize) -> usize {
    const VALUES: usize = if cfg!(test) { 8 } else { 1 << 19 };
    (VALUES / (dim * products_per_row.max(1)).max(1)).clamp(1, 1 << 16)
}
