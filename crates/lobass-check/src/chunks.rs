//! Work on the rows of a pool on several threads, taken up in the order of the rows.

use lobass_data::{Error, Example, Pool, PoolRow};

/// Rows that a thread works on at once.
const CHUNK: usize = 512;

/// Computes something of chunks of rows on several threads, and takes it up in the order of the rows. Holds as many
/// chunks of 512 rows as there are threads. `work` sees the state as it was after the chunks that were taken up before.
///
/// # Errors
/// The first error among the rows, or of `take`.
pub fn each_chunk<S: Sync, T: Send, E: From<Error>>(
    mut rows: impl Iterator<Item = Result<PoolRow, Error>>,
    threads: usize,
    state: &mut S,
    work: impl Fn(&S, &[PoolRow]) -> T + Sync,
    mut take: impl FnMut(&mut S, &[PoolRow], T) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let part = rows.by_ref().take(CHUNK * threads.max(1)).collect::<Result<Vec<_>, _>>()?;
        if part.is_empty() {
            return Ok(());
        }
        let done: Vec<T> = std::thread::scope(|scope| {
            let (state, work) = (&*state, &work);
            let workers: Vec<_> =
                part.chunks(CHUNK).map(|chunk| scope.spawn(move || work(state, chunk))).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(join).collect()
        });
        for (chunk, done) in part.chunks(CHUNK).zip(done) {
            take(state, chunk, done)?;
        }
    }
}

/// Computes something of every row that can be read, on several threads, and takes it up in the order of the rows.
///
/// # Errors
/// If a file cannot be read, or the first error of `take`.
pub fn each_row<T: Send, E: From<Error>>(
    pool: &Pool,
    threads: usize,
    work: impl Fn(&Example) -> T + Sync,
    mut take: impl FnMut(&PoolRow, Option<T>) -> Result<(), E>,
) -> Result<(), E> {
    let look = |(): &(), rows: &[PoolRow]| -> Vec<Option<T>> {
        rows.iter().map(|row| row.example.as_ref().ok().map(&work)).collect()
    };
    each_chunk(pool.rows(), threads, &mut (), look, |(), rows, found| {
        rows.iter().zip(found).try_for_each(|(row, found)| take(row, found))
    })
}
