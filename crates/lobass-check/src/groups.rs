//! Which rows of a pool are near duplicates.

use lobass_data::{Pool, PoolRow};
use lobass_text::{GroupOptions, NearDuplicates};

use crate::{Error, each_row, said};

/// The near-duplicate group of every row of a pool, the same whatever the order of rows or the number of threads. Rows
/// that cannot be read are each their own group.
///
/// # Errors
/// If a file cannot be read, or for a similarity that cannot be searched for.
pub fn near_duplicate_groups(
    pool: &Pool,
    jaccard: f64,
    seed: u64,
    threads: usize,
) -> Result<Vec<u32>, Error> {
    Ok(near_duplicates(pool, &GroupOptions { jaccard, seed }, threads, |_| {})?.groups(threads))
}

/// Reads a pool for its near duplicates, and shows each row to `see`.
///
/// # Errors
/// If a file cannot be read, or for a similarity that cannot be searched for.
pub fn near_duplicates(
    pool: &Pool,
    options: &GroupOptions,
    threads: usize,
    mut see: impl FnMut(&PoolRow),
) -> Result<NearDuplicates, Error> {
    let sketches = NearDuplicates::new(options)?;
    let mut near = sketches.clone();
    each_row(
        pool,
        threads,
        |example| sketches.sketch(said(example)),
        |row, sketch| {
            see(row);
            match sketch {
                Some(sketch) => near.push(&sketch),
                None => near.push_alone(),
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok(near)
}
