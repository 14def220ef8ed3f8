//! Rows that resemble a query.

use lobass_core::Numbers;
use lobass_core::parallel::each;

use super::jobs::rows_of_a_job;
use super::rows::Rows;
use super::vectors::cosine;
use super::{Limit, Pick, Picked, Vectors};

/// The largest cosine of each row to any query: a score of every row of the pool, missing for rows that are not
/// eligible or have no direction.
///
/// Queries without a direction are passed over; if none has one, no row has a score.
///
/// # Panics
/// If a row has no place in `vectors`, or if vectors of rows and queries have different lengths.
///
/// Source: RDS+ (arXiv 2503.01807), with the maximum over the queries.
pub fn query_scores(vectors: Vectors<'_>, eligible: &[u32], queries: Vectors<'_>, threads: usize) -> Numbers {
    let rows = Rows::in_order(vectors, eligible.to_vec());
    let mut scores: Numbers = (0..vectors.len()).map(|_| None).collect();
    for (&row, cosine) in rows.rows.iter().zip(largest(&rows, queries, vectors.dim(), threads)) {
        scores.set(row as usize, cosine.map(f64::from));
    }
    scores
}

/// Lets every task choose in turn the row that is most like any of its queries and was not chosen yet.
///
/// A pick's value is that row's cosine. Of equal ones the row with the smaller hash is chosen. Tasks without a query
/// that has a direction are passed over.
///
/// # Panics
/// If a row has no place in `vectors` or `ties`, or if vectors of rows and queries have different lengths.
///
/// Source: RDS+ (arXiv 2503.01807), which goes round all queries so that none of them has the whole choice; each query
/// may be a task here.
pub fn round_robin(
    vectors: Vectors<'_>,
    eligible: &[u32],
    tasks: &[Vectors<'_>],
    mut limit: Limit<'_>,
    ties: &[u64],
    threads: usize,
) -> Picked {
    let rows = Rows::by_hash(vectors, eligible, ties);
    let mut rankings: Vec<std::vec::IntoIter<(usize, f32)>> = Vec::new();
    for &queries in tasks {
        let cosines = largest(&rows, queries, vectors.dim(), threads).into_iter().enumerate();
        let mut ranking: Vec<(usize, f32)> =
            cosines.filter_map(|(place, cosine)| Some((place, cosine?))).collect();
        // Stable, and places are in the order of hashes.
        ranking.sort_by(|one, other| other.1.total_cmp(&one.1));
        rankings.push(ranking.into_iter());
    }
    let mut chosen = vec![false; rows.len()];
    let mut picks = Vec::new();
    'all: loop {
        let n_before = picks.len();
        for ranking in &mut rankings {
            let Some((place, cosine)) = ranking.find(|&(place, _)| !chosen[place]) else { continue };
            if !limit.admit(rows.rows[place]) {
                break 'all;
            }
            chosen[place] = true;
            picks.push(Pick { row: rows.rows[place], value: cosine.into() });
        }
        if picks.len() == n_before {
            break;
        }
    }
    Picked { picks, n_without_vector: rows.n_without_vector }
}

/// The largest cosine of each row to any query; `None` if no query has a direction.
fn largest(rows: &Rows<'_>, queries: Vectors<'_>, dim: usize, threads: usize) -> Vec<Option<f32>> {
    assert_eq!(queries.dim(), dim, "rows and queries have vectors of one length");
    let n_queries = u32::try_from(queries.len()).expect("fewer than 2^32 queries");
    let queries = Rows::in_order(queries, (0..n_queries).collect());
    let size = rows_of_a_job(dim, queries.len());
    let of_row = |place: usize| {
        let cosines = (0..queries.len()).map(|query| cosine(rows.at(place), queries.at(query)));
        cosines.reduce(f32::max)
    };
    each(rows.len().div_ceil(size), threads, |job| {
        (job * size..rows.len().min((job + 1) * size)).map(of_row).collect::<Vec<_>>()
    })
    .concat()
}
