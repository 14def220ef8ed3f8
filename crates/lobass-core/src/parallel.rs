//! Work on several threads whose result does not depend on their number.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `job` once for each number below `n_jobs` and returns the results in that order. Jobs share nothing.
///
/// # Panics
/// If a job does.
pub fn each<T: Send>(n_jobs: usize, threads: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
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

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order() {
        for threads in [0, 1, 3, 50] {
            assert_eq!(super::each(20, threads, |at| at * at)[7], 49);
        }
        assert!(super::each(0, 2, |at| at).is_empty());
    }
}
