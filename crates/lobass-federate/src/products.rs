//! The mean of the products of adapters, beside the product of their mean factors.

use crate::LowRank;

/// The update of one matrix by one client.
#[derive(Debug, Clone, Copy)]
pub struct ClientFactors<'a> {
    /// What the client weighs.
    pub weight: f64,
    /// `A`, of shape `[rank, columns]`.
    pub a: &'a [f32],
    /// `B`, of shape `[rows, rank]`.
    pub b: &'a [f32],
}

/// The weighted mean of `B A` over clients, `[rows, columns]`, in f64.
///
/// # Panics
/// If factors have other shapes, or weights add up to nothing.
pub fn mean_product(clients: &[ClientFactors<'_>], rows: usize, columns: usize) -> Vec<f64> {
    let whole: f64 = clients.iter().map(|client| client.weight).sum();
    assert!(whole > 0.0, "clients whose weights add up to something");
    let mut sum = vec![0.0; rows * columns];
    for client in clients {
        let rank = client.a.len() / columns;
        assert_eq!((client.a.len(), client.b.len()), (rank * columns, rows * rank), "factors of one matrix");
        for (row, sums) in sum.chunks_mut(columns).enumerate() {
            for (at, a) in client.a.chunks(columns).enumerate() {
                let factor = client.weight / whole * f64::from(client.b[row * rank + at]);
                sums.iter_mut().zip(a).for_each(|(sum, &value)| *sum += factor * f64::from(value));
            }
        }
    }
    sum
}

/// How far the product of the mean factors is from the mean product: the squared norm of the difference, and that of
/// the mean product.
///
/// - `mean`: the mean factors, with any weight
///
/// # Panics
/// As [`mean_product`].
pub fn factor_error(
    clients: &[ClientFactors<'_>],
    mean: ClientFactors<'_>,
    rows: usize,
    columns: usize,
) -> [f64; 2] {
    let exact = mean_product(clients, rows, columns);
    let found = mean_product(&[ClientFactors { weight: 1.0, ..mean }], rows, columns);
    let difference = exact.iter().zip(&found).map(|(exact, found)| (exact - found).powi(2)).sum();
    [difference, exact.iter().map(|value| value * value).sum()]
}

impl LowRank {
    /// The factors with all singular values in `B`: `A` has rows of length one, as in `FlexLoRA` (arXiv 2402.11505).
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    pub fn factors_in_b(&self) -> (Vec<f32>, Vec<f32>) {
        let a = self.right.iter().flatten().map(|&value| value as f32).collect();
        let n_rows = self.left.first().map_or(0, Vec::len);
        let of_row = |row: usize| {
            self.left.iter().zip(&self.values).map(move |(vector, value)| (value * vector[row]) as f32)
        };
        (a, (0..n_rows).flat_map(of_row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{averaged, truncated};

    fn values(seed: u32, n: usize) -> Vec<f32> {
        (0..n).map(|at| ((seed as usize * 7919 + at * 104_729) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn averaging_factors_is_not_averaging_products() {
        let (rows, columns, rank) = (6, 5, 2);
        let factors: Vec<(Vec<f32>, Vec<f32>)> =
            (0..3).map(|client| (values(client, rank * columns), values(client + 10, rows * rank))).collect();
        let weighted = factors.iter().zip([1.0, 2.0, 5.0]);
        let borrowed: Vec<ClientFactors<'_>> =
            weighted.map(|((a, b), weight)| ClientFactors { weight, a, b }).collect();
        let mean_a = averaged(borrowed.iter().map(|client| (client.weight, client.a)));
        let mean_b = averaged(borrowed.iter().map(|client| (client.weight, client.b)));
        let mean = ClientFactors { weight: 1.0, a: &mean_a, b: &mean_b };
        let [error, norm] = factor_error(&borrowed, mean, rows, columns);
        assert!(error > 0.01 * norm, "{error} {norm}");
        let [alone, norm] = factor_error(&borrowed[..1], borrowed[0], rows, columns);
        assert!(alone < 1e-12 * norm);
        // With rank enough for three clients, the factors of the mean product are exact.
        let exact = mean_product(&borrowed, rows, columns);
        #[expect(clippy::cast_possible_truncation, reason = "the matrix is f32")]
        let narrow: Vec<f32> = exact.iter().map(|&value| value as f32).collect();
        let (a, b) = truncated(&narrow, rows, columns, 5).factors_in_b();
        let found = mean_product(&[ClientFactors { weight: 1.0, a: &a, b: &b }], rows, columns);
        assert!(exact.iter().zip(&found).all(|(exact, found)| (exact - found).abs() < 1e-5));
    }
}
