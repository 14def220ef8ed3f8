//! Independent jobs on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does jobs on at most so many threads, and returns their results in order. Results do not depend on the threads.
pub(crate) fn each<T: Send>(n_jobs: usize, threads: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
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
    let threads = threads.clamp(1, n_jobs.max(1));
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order() {
        for threads in [1, 3, 50] {
            assert_eq!(super::each(20, threads, |at| at * at)[7], 49);
        }
        assert!(super::each(0, 2, |at| at).is_empty());
    }
}
