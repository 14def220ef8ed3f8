//! Regions by the vectors of rows.

use std::path::Path;

use lobass_core::ScoreColumns;
use lobass_run::{EmbeddingFile, Manifest};
use lobass_select::Strata;
use lobass_select::diverse::{Vectors, k_means};

use super::cut::Cut;
use crate::error::{Result, bail};

/// Rounds of Lloyd's algorithm at most.
const ROUNDS: usize = 50;

/// Cuts a pool into clusters, the largest first. Vectors are scaled to length one, so that their directions count.
pub(super) fn cut(
    path: &Path,
    n_clusters: usize,
    columns: &ScoreColumns,
    manifest: &Manifest,
    rows: &[u32],
    threads: usize,
) -> Result<Cut> {
    let file = EmbeddingFile::open(path)?;
    file.check_pool(&manifest.inputs)?;
    let dim = file.matrix().shape().dim;
    let values = directions(&file);
    let vectors = Vectors::new(&values, dim);
    let mut members = k_means(vectors, rows, n_clusters, ROUNDS, &columns.ties, threads).members;
    if members.is_empty() {
        bail!(Table, "embeddings `{}`: expected vectors of the rows with losses, found none", path.display());
    }
    members.reverse();
    let width = members.len().to_string().len();
    let mut names: Vec<String> = (1..=members.len()).map(|at| format!("cluster {at:0width$}")).collect();
    names.push("without a vector".to_owned());
    let mut of = vec![u32::try_from(members.len())?; columns.len()];
    for (cluster, members) in (0..).zip(&members) {
        for &row in members {
            of[row as usize] = cluster;
        }
    }
    let typical = members.iter().map(|members| middle(vectors, members)).chain([None]).collect();
    Ok(Cut { strata: Strata { names, of }, is_by_value: false, typical })
}

/// The vectors of all rows, of length one; NaN for a row without a direction.
fn directions(file: &EmbeddingFile) -> Vec<f32> {
    let matrix = file.matrix();
    let (n_rows, dim) = (matrix.shape().n_rows, matrix.shape().dim);
    let mut values = Vec::with_capacity(n_rows * dim);
    for row in 0..n_rows {
        let vector = matrix.row(row);
        let length = vector.as_deref().map_or(0.0, length);
        match vector.filter(|_| length > 0.0 && length.is_finite()) {
            Some(vector) => values.extend(vector.iter().map(|value| value / length)),
            None => values.extend(std::iter::repeat_n(f32::NAN, dim)),
        }
    }
    values
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt() as f32
}

/// The row that is nearest to the mean of some rows: of vectors of length one, that with the largest product.
fn middle(vectors: Vectors<'_>, rows: &[u32]) -> Option<u32> {
    let mut mean = vec![0.0f64; vectors.dim()];
    for &row in rows {
        mean.iter_mut().zip(vectors.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let product = |row: u32| {
        vectors.row(row).iter().zip(&mean).map(|(&value, mean)| f64::from(value) * mean).sum::<f64>()
    };
    rows.iter().copied().max_by(|&one, &other| product(one).total_cmp(&product(other)))
}
