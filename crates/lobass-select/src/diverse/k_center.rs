//! Rows that leave no other row far away.

use lobass_core::parallel::each;

use super::jobs::rows_of_a_job;
use super::rows::Rows;
use super::{Limit, Pick, Picked, Vectors};

/// Chooses the row that is farthest from all chosen ones, again and again.
///
/// `chosen` are there already, such as the best row of a ranking; without any, the row of the smallest hash begins. The
/// distance is that of unit vectors, `sqrt(2 - 2 cos)`; a pick's value is its distance to the nearest that was chosen
/// before, infinite for the very first. Of equally far rows the one with the smaller hash is chosen. No set of as many
/// rows leaves a row nearer than half as far as this one does.
///
/// # Panics
/// If a row has no place in `vectors` or `ties`.
///
/// Source: k-Center-Greedy, algorithm 1 of Sener and Savarese (arXiv 1708.00489).
pub fn k_center(
    vectors: Vectors<'_>,
    eligible: &[u32],
    chosen: &[u32],
    mut limit: Limit<'_>,
    ties: &[u64],
    threads: usize,
) -> Picked {
    let rows = Rows::by_hash(vectors, eligible, ties);
    let centers = Rows::by_hash(vectors, chosen, ties);
    // The largest cosine of each row to what is chosen; that of a chosen one is infinite.
    let mut nearest = vec![f32::NEG_INFINITY; rows.len()];
    for center in 0..centers.len() {
        come_nearer(&rows, &mut nearest, centers.at(center), threads);
    }
    let mut taken: Vec<u32> = chosen.to_vec();
    taken.sort_unstable();
    for (place, row) in rows.rows.iter().enumerate() {
        if taken.binary_search(row).is_ok() {
            nearest[place] = f32::INFINITY;
        }
    }
    let mut picks = Vec::new();
    while let Some(place) = farthest(&nearest) {
        if !limit.admit(rows.rows[place]) {
            break;
        }
        let cosine = f64::from(nearest[place]);
        let value = if cosine.is_finite() { (2.0 - 2.0 * cosine).max(0.0).sqrt() } else { f64::INFINITY };
        picks.push(Pick { row: rows.rows[place], value });
        come_nearer(&rows, &mut nearest, rows.at(place), threads);
        nearest[place] = f32::INFINITY;
    }
    Picked { picks, n_without_vector: rows.n_without_vector }
}

/// The first of the rows that are farthest, of those that are not chosen.
fn farthest(nearest: &[f32]) -> Option<usize> {
    let open = nearest.iter().enumerate().filter(|(_, cosine)| **cosine < f32::INFINITY);
    open.min_by(|one, other| one.1.total_cmp(other.1).then(one.0.cmp(&other.0))).map(|(place, _)| place)
}

fn come_nearer(rows: &Rows<'_>, nearest: &mut [f32], center: (&[f32], f32), threads: usize) {
    let size = rows_of_a_job(center.0.len(), 1);
    let n_jobs = rows.len().div_ceil(size);
    let cosines = each(n_jobs, threads, |job| {
        let places = job * size..rows.len().min((job + 1) * size);
        places.map(|place| super::vectors::cosine(rows.at(place), center)).collect::<Vec<f32>>()
    });
    for (nearest, cosine) in nearest.iter_mut().zip(cosines.into_iter().flatten()) {
        *nearest = nearest.max(cosine);
    }
}
