//! The best rows of which no two are too much alike.

use super::rows::Rows;
use super::{Limit, Pick, Picked, Vectors};
use lobass_core::parallel::each;

/// Candidates that are compared with what is accepted before they are compared with each other.
const BLOCK: usize = if cfg!(test) { 4 } else { 256 };
/// Candidates of a block that one thread compares at a time.
const JOB: usize = if cfg!(test) { 2 } else { 8 };

/// Goes down a ranking and accepts a row if its cosine to every accepted one is at most `bound`.
///
/// A pick's value is the largest of these cosines, -1 for the first row. Each row is compared with the accepted ones
/// until one is too similar. Work of other threads beyond the end of the limit is thrown away.
///
/// # Panics
/// If a row has no place in `vectors`.
///
/// Source: the diversity filter of DEITA (arXiv 2312.15685), with cosines above 0.9 as too much alike.
pub fn cosine_bound(
    ranked: &[u32],
    vectors: Vectors<'_>,
    bound: f32,
    mut limit: Limit<'_>,
    threads: usize,
) -> Picked {
    let rows = Rows::in_order(vectors, ranked.to_vec());
    let mut accepted: Vec<usize> = Vec::new();
    let mut picks = Vec::new();
    let mut start = 0;
    'all: while start < rows.len() && limit.at_most(1) > 0 {
        let block: Vec<usize> = (start..rows.len().min(start + BLOCK)).collect();
        let earlier = &accepted;
        let compare = |job: usize| {
            let candidates = block.chunks(JOB).nth(job).unwrap_or_default();
            candidates.iter().map(|&one| nearest(&rows, one, earlier, bound)).collect::<Vec<_>>()
        };
        let found = each(block.len().div_ceil(JOB), threads, compare).concat();
        let n_earlier = accepted.len();
        for (one, before) in block.into_iter().zip(found) {
            let within = before.and_then(|_| nearest(&rows, one, &accepted[n_earlier..], bound));
            let (Some(before), Some(within)) = (before, within) else { continue };
            if !limit.admit(rows.rows[one]) {
                break 'all;
            }
            accepted.push(one);
            picks.push(Pick { row: rows.rows[one], value: before.max(within).into() });
        }
        start += BLOCK;
    }
    Picked { picks, n_without_vector: rows.n_without_vector }
}

/// The largest cosine to some rows; `None` as soon as one is above the bound.
fn nearest(rows: &Rows<'_>, one: usize, others: &[usize], bound: f32) -> Option<f32> {
    let mut largest = -1.0f32;
    for &other in others {
        let cosine = rows.cosine(one, other);
        if cosine > bound {
            return None;
        }
        largest = largest.max(cosine);
    }
    Some(largest)
}
