//! Clusters of rows, and equal shares of them.

use lobass_core::parallel::each;

use super::jobs::rows_of_a_job;
use super::vectors::squared_distance;
use super::{Limit, Pick, Picked, Vectors};

/// Rows by the center that is nearest to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The clusters that have rows, each in the order of the rows' hashes; the smallest first, and of equally large ones
    /// that with the smallest hash.
    pub members: Vec<Vec<u32>>,
    /// The mean squared distance of a row to its center.
    pub spread: f64,
    /// Rows that were passed over, since their vector is not finite.
    pub n_without_vector: usize,
}

/// Cuts rows into at most `n_clusters` by Lloyd's algorithm, from centers that k-means++ draws, for at most `n_rounds`
/// rounds, or until nothing changes.
///
/// Distances are Euclidean, on vectors as they are. Of equally near centers the one that was drawn first has the row. A
/// center that has lost all rows stays where it is. The draws depend on the hashes alone, so another seed of those is
/// another start.
///
/// # Panics
/// If a row has no place in `vectors` or `ties`.
///
/// Source: Arthur and Vassilvitskii, 2007, for the start; S2L (arXiv 2403.07384) takes 100 clusters, 20 rounds, and the
/// losses of a row at several checkpoints as its vector.
pub fn k_means(
    vectors: Vectors<'_>,
    eligible: &[u32],
    n_clusters: usize,
    n_rounds: usize,
    ties: &[u64],
    threads: usize,
) -> Clusters {
    let mut rows = eligible.to_vec();
    rows.sort_unstable_by_key(|&row| (ties[row as usize], row));
    rows.retain(|&row| vectors.row(row).iter().all(|value| value.is_finite()));
    let n_without_vector = eligible.len() - rows.len();
    let mut centers = drawn(vectors, &rows, n_clusters, ties, threads);
    let mut nearest = assign(vectors, &rows, &centers, threads);
    for _ in 0..n_rounds {
        centers = means(vectors, &rows, &nearest, &centers);
        let moved = assign(vectors, &rows, &centers, threads);
        let changed = moved.iter().zip(&nearest).any(|(one, other)| one.0 != other.0);
        nearest = moved;
        if !changed {
            break;
        }
    }
    let mut members = vec![Vec::new(); centers.len()];
    for (&row, &(center, _)) in rows.iter().zip(&nearest) {
        members[center].push(row);
    }
    members.retain(|rows| !rows.is_empty());
    members.sort_by_key(|rows| (rows.len(), ties[rows[0] as usize]));
    let spread =
        nearest.iter().map(|&(_, distance)| f64::from(distance)).sum::<f64>() / rows.len().max(1) as f64;
    Clusters { members, spread, n_without_vector }
}

/// Takes equally many rows of every cluster, in the order of their hashes, the smallest cluster first. Larger clusters
/// make up for what a small one lacks.
///
/// A pick's value is the number of its cluster. A token limit is divided as if every row had the mean number of tokens.
/// The limit itself is kept: rows come cluster by cluster until one does not fit.
///
/// Source: the sampling of S2L (arXiv 2403.07384).
pub fn equal_shares(clusters: &Clusters, mut limit: Limit<'_>) -> Picked {
    let n_rows = clusters.members.iter().map(Vec::len).sum();
    let mut left = room(clusters, &limit, n_rows);
    let mut picks = Vec::new();
    let n_clusters = clusters.members.len();
    'all: for (number, rows) in clusters.members.iter().enumerate() {
        let share = left.div_ceil(n_clusters - number).min(rows.len());
        left -= share;
        for &row in &rows[..share] {
            if !limit.admit(row) {
                break 'all;
            }
            picks.push(Pick { row, value: number as f64 });
        }
    }
    Picked { picks, n_without_vector: clusters.n_without_vector }
}

/// How many rows are shared out.
fn room(clusters: &Clusters, limit: &Limit<'_>, n_rows: usize) -> usize {
    match limit {
        Limit::Rows(rows) => n_rows.min(*rows),
        Limit::Tokens { budget, of } => {
            let tokens: u64 = clusters.members.iter().flatten().map(|&row| u64::from(of[row as usize])).sum();
            let rows = u128::from(*budget) * n_rows as u128 / u128::from(tokens.max(1));
            usize::try_from(rows).unwrap_or(usize::MAX).min(n_rows)
        }
    }
}

/// Draws centers, each with a chance that grows with its squared distance to those before.
fn drawn(
    vectors: Vectors<'_>,
    rows: &[u32],
    n_clusters: usize,
    ties: &[u64],
    threads: usize,
) -> Vec<Vec<f32>> {
    let mut centers: Vec<Vec<f32>> = Vec::new();
    let mut distances = vec![f32::INFINITY; rows.len()];
    // The first row is the one with the smallest hash: as good as any.
    let mut next = rows.first().copied();
    let mut state = rows.iter().fold(0u64, |state, &row| mixed(state ^ ties[row as usize]));
    while let Some(row) = next.filter(|_| centers.len() < n_clusters) {
        let center = vectors.row(row).to_vec();
        let size = rows_of_a_job(vectors.dim(), 1);
        let found = each(rows.len().div_ceil(size), threads, |job| {
            let rows = &rows[job * size..rows.len().min((job + 1) * size)];
            rows.iter().map(|&row| squared_distance(vectors.row(row), &center)).collect::<Vec<f32>>()
        });
        for (distance, found) in distances.iter_mut().zip(found.into_iter().flatten()) {
            *distance = distance.min(found);
        }
        centers.push(center);
        state = mixed(state);
        next = draw(&distances, state).map(|place| rows[place]);
    }
    centers
}

/// A place, with a chance in proportion to its weight; `None` if all weights are zero.
fn draw(weights: &[f32], random: u64) -> Option<usize> {
    let whole: f64 = weights.iter().copied().map(f64::from).sum();
    let mut left = whole * ((random >> 11) as f64 / (1u64 << 53) as f64);
    let mut last = None;
    for (place, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        last = Some(place);
        left -= f64::from(weight);
        if left < 0.0 {
            break;
        }
    }
    last
}

/// The nearest center of each row, and the squared distance to it.
fn assign(vectors: Vectors<'_>, rows: &[u32], centers: &[Vec<f32>], threads: usize) -> Vec<(usize, f32)> {
    let size = rows_of_a_job(vectors.dim(), centers.len());
    let of_row = |&row: &u32| {
        let distances = centers.iter().map(|center| squared_distance(vectors.row(row), center)).enumerate();
        distances.min_by(|one, other| one.1.total_cmp(&other.1)).expect("rows without a center are no rows")
    };
    each(rows.len().div_ceil(size), threads, |job| {
        rows[job * size..rows.len().min((job + 1) * size)].iter().map(of_row).collect::<Vec<_>>()
    })
    .concat()
}

/// The mean of the rows of each center; sums are `f64`, in the order of the rows.
#[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
fn means(
    vectors: Vectors<'_>,
    rows: &[u32],
    nearest: &[(usize, f32)],
    centers: &[Vec<f32>],
) -> Vec<Vec<f32>> {
    let mut sums = vec![vec![0.0f64; vectors.dim()]; centers.len()];
    let mut counts = vec![0u32; centers.len()];
    for (&row, &(center, _)) in rows.iter().zip(nearest) {
        counts[center] += 1;
        sums[center].iter_mut().zip(vectors.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mean = |((sum, &count), center): ((&Vec<f64>, &u32), &Vec<f32>)| match count {
        0 => center.clone(),
        _ => sum.iter().map(|&sum| (sum / f64::from(count)) as f32).collect(),
    };
    sums.iter().zip(&counts).zip(centers).map(mean).collect()
}

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
