//! The best approximation of a matrix by one of low rank.

/// The largest singular values of a matrix with their vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// Singular values, the largest first.
    pub values: Vec<f64>,
    /// Left singular vectors, one for each value.
    pub left: Vec<Vec<f64>>,
    /// Right singular vectors, one for each value.
    pub right: Vec<Vec<f64>>,
    /// The sum of the squares of all singular values, also those that are left out.
    pub energy: f64,
}

impl LowRank {
    /// The share of the energy that is kept, 1 for a matrix of zeros.
    pub fn share(&self) -> f64 {
        let kept: f64 = self.values.iter().map(|value| value * value).sum();
        if self.energy > 0.0 { kept / self.energy } else { 1.0 }
    }

    /// The factors of an adapter: `A` of shape `[rank, columns]` and `B` of shape `[rows, rank]`, so that `scale * B A` is
    /// the approximation. Both get the root of each singular value, so that their gradients are of like size.
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    pub fn factors(&self, scale: f64) -> (Vec<f32>, Vec<f32>) {
        let roots: Vec<f64> = self.values.iter().map(|value| (value / scale).sqrt()).collect();
        let a = self.right.iter().zip(&roots);
        let a = a.flat_map(|(vector, root)| vector.iter().map(move |value| (root * value) as f32)).collect();
        let n_rows = self.left.first().map_or(0, Vec::len);
        let of_row =
            |row: usize| self.left.iter().zip(&roots).map(move |(vector, root)| (root * vector[row]) as f32);
        (a, (0..n_rows).flat_map(of_row).collect())
    }
}

/// Rotations are no longer worth it below this cosine.
const ORTHOGONAL: f64 = 1e-14;
/// Sweeps over all pairs; some six are enough for any matrix that is not made to be hard.
const SWEEPS: usize = 60;

/// Takes the largest `rank` singular values of a matrix `[rows, columns]`, row by row, with their vectors. By one-sided
/// Jacobi rotations of the shorter side, in f64: slower than other ways, and exact to rounding whatever the spectrum.
///
/// # Panics
/// If there are not `rows * columns` values.
///
/// Source: Demmel and Veselić, 1992, "Jacobi's method is more accurate than QR".
pub fn truncated(matrix: &[f32], rows: usize, columns: usize, rank: usize) -> LowRank {
    assert_eq!(matrix.len(), rows * columns, "a value for each place");
    let value = |row: usize, column: usize| f64::from(matrix[row * columns + column]);
    // Vectors of the longer side, as many as the shorter one is long.
    let is_tall = rows >= columns;
    let (length, count) = if is_tall { (rows, columns) } else { (columns, rows) };
    let vector = |at: usize| -> Vec<f64> {
        (0..length).map(|place| if is_tall { value(place, at) } else { value(at, place) }).collect()
    };
    let mut vectors: Vec<Vec<f64>> = (0..count).map(vector).collect();
    let energy = vectors.iter().map(|vector| dot(vector, vector)).sum();
    let mut turned: Vec<Vec<f64>> = (0..count).map(|at| unit(at, count)).collect();
    for _ in 0..SWEEPS {
        if !sweep(&mut vectors, &mut turned) {
            break;
        }
    }
    let norms: Vec<f64> = vectors.iter().map(|vector| dot(vector, vector).sqrt()).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&left, &right| norms[right].total_cmp(&norms[left]).then(left.cmp(&right)));
    order.truncate(rank);
    // A value of zero has any vector; zeros do as well, since the product is the same.
    let scaled = |at: &usize| -> Vec<f64> {
        let norm = if norms[*at] > 0.0 { norms[*at] } else { 1.0 };
        vectors[*at].iter().map(|value| value / norm).collect()
    };
    let long: Vec<Vec<f64>> = order.iter().map(scaled).collect();
    let short: Vec<Vec<f64>> = order.iter().map(|&at| turned[at].clone()).collect();
    let values = order.iter().map(|&at| norms[at]).collect();
    let (left, right) = if is_tall { (long, short) } else { (short, long) };
    LowRank { values, left, right, energy }
}

/// Makes every pair orthogonal once; says whether there was anything to do.
fn sweep(vectors: &mut [Vec<f64>], turned: &mut [Vec<f64>]) -> bool {
    let mut has_turned = false;
    for left in 0..vectors.len() {
        for right in left + 1..vectors.len() {
            let (alpha, beta) = (dot(&vectors[left], &vectors[left]), dot(&vectors[right], &vectors[right]));
            let gamma = dot(&vectors[left], &vectors[right]);
            if gamma == 0.0 || gamma.abs() <= ORTHOGONAL * (alpha * beta).sqrt() {
                continue;
            }
            has_turned = true;
            let zeta = (beta - alpha) / (2.0 * gamma);
            let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
            let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
            rotate(vectors, left, right, cosine, cosine * tangent);
            rotate(turned, left, right, cosine, cosine * tangent);
        }
    }
    has_turned
}

fn rotate(vectors: &mut [Vec<f64>], left: usize, right: usize, cosine: f64, sine: f64) {
    let (first, second) = vectors.split_at_mut(right);
    for (x, y) in first[left].iter_mut().zip(&mut second[0]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn unit(at: usize, length: usize) -> Vec<f64> {
    let mut vector = vec![0.0; length];
    vector[at] = 1.0;
    vector
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(seed: u64, n: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| (rng.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0).collect()
    }

    /// `|M - scale * B A|^2`.
    fn residual(matrix: &[f32], rows: usize, columns: usize, found: &LowRank, scale: f64) -> f64 {
        let (a, b) = found.factors(scale);
        let rank = found.values.len();
        let mut sum = 0.0;
        for row in 0..rows {
            for column in 0..columns {
                let product: f64 = (0..rank)
                    .map(|at| f64::from(b[row * rank + at]) * f64::from(a[at * columns + column]))
                    .sum();
                sum += (f64::from(matrix[row * columns + column]) - scale * product).powi(2);
            }
        }
        sum
    }

    #[test]
    fn what_is_left_is_what_the_other_values_have() {
        for (rows, columns) in [(24, 24), (40, 16), (16, 40), (1, 9), (9, 1)] {
            let matrix = random(rows as u64, rows * columns);
            let all = truncated(&matrix, rows, columns, usize::MAX);
            assert_eq!(all.values.len(), rows.min(columns));
            assert!(all.values.windows(2).all(|pair| pair[0] >= pair[1]));
            assert!((all.share() - 1.0).abs() < 1e-12);
            for rank in [1, 4, 8] {
                let found = truncated(&matrix, rows, columns, rank);
                let rest: f64 = all.values.iter().skip(rank).map(|value| value * value).sum();
                let error = residual(&matrix, rows, columns, &found, 2.0);
                assert!((error - rest).abs() < 1e-5 * all.energy, "{error} {rest}");
                assert!((1.0 - found.share() - rest / all.energy).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_matrix_of_low_rank_comes_back() {
        let (left, right) = (random(1, 30 * 3), random(2, 3 * 20));
        let entry = |row: usize, column: usize| {
            (0..3).map(|at| left[row * 3 + at] * right[at * 20 + column]).sum::<f32>()
        };
        let matrix: Vec<f32> = (0..30)
            .flat_map(|row| (0..20).map(move |column| (row, column)))
            .map(|(row, column)| entry(row, column))
            .collect();
        let found = truncated(&matrix, 30, 20, 3);
        assert!(residual(&matrix, 30, 20, &found, 0.5) < 1e-8 * found.energy);
        let zeros = truncated(&[0.0; 12], 3, 4, 2);
        assert_eq!((zeros.share(), zeros.values.as_slice()), (1.0, &[0.0, 0.0][..]));
        assert_eq!(zeros.factors(1.0), (vec![0.0; 8], vec![0.0; 6]));
    }
}
