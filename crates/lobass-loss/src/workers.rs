//! Single-threaded workers that share a list of jobs.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lobass_model::{Concurrency, Decoder};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A fixed number of threads, each with a pool of one, so that tensor operations inside a job stay on its thread.
#[derive(Debug)]
pub struct Workers {
    pools: Vec<ThreadPool>,
    /// As many threads, for work that they share. Who only runs jobs has none of them.
    together: OnceLock<ThreadPool>,
}

impl Workers {
    /// Starts the threads; 0 counts as 1.
    ///
    /// # Panics
    /// If the system grants no more threads.
    pub fn new(threads: usize) -> Self {
        Self { pools: (0..threads.max(1)).map(|_| pool(1)).collect(), together: OnceLock::new() }
    }

    /// Starts threads for jobs on a model: as many, or one if its device runs one job after the other.
    ///
    /// # Panics
    /// If the system grants no more threads.
    pub fn for_model(model: &Decoder, threads: usize) -> Self {
        match model.compute().concurrency() {
            Concurrency::Threads => Self::new(threads),
            Concurrency::OneByOne => Self::new(1),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.pools.len()
    }

    /// Runs work whose tensor operations all threads share: updates of all parameters, between jobs.
    ///
    /// # Panics
    /// If the work does, or if the system grants no more threads.
    pub fn together<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.together.get_or_init(|| pool(self.count())).install(work)
    }

    /// Runs `job` once for every index of `order`, in that order as workers become free, and returns the results by
    /// index.
    ///
    /// # Panics
    /// If a job does.
    pub fn run<T: Send>(&self, order: &[usize], job: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((index, job(index)));
            }
            done
        };
        let mut done: Vec<(usize, T)> = thread::scope(|scope| {
            let threads: Vec<_> = self.pools.iter().map(|pool| scope.spawn(|| pool.install(work))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume(panic)))
                .collect()
        });
        done.sort_unstable_by_key(|&(index, _)| index);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("the system grants a thread")
}

fn resume(panic: Box<dyn std::any::Any + Send>) -> ! {
    std::panic::resume_unwind(panic)
}
