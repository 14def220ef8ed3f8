//! Rank correlation.

use lobass_core::Numbers;

use crate::order::ascending;

/// Spearman's rank correlation of two columns, over the rows that have a number in both, in [-1, 1]; ties get their
/// mean rank, and -0.0 is 0.0.
///
/// `None` with fewer than two such rows, or if either side is constant: there is nothing to correlate then.
/// `n log n`, in 12 bytes a row.
pub fn spearman(left: &Numbers, right: &Numbers) -> Option<f64> {
    let n_rows = left.len().min(right.len());
    let left_ranks = ranks(n_rows, |row| right.get(row).and(left.get(row)));
    let right_ranks = ranks(n_rows, |row| left.get(row).and(right.get(row)));
    pearson(&left_ranks, &right_ranks)
}

/// The rank of a row without a number.
const UNRANKED: u32 = u32::MAX;

/// Twice the mean rank of every row that has a number, from 0.
fn ranks(n_rows: usize, number: impl Fn(usize) -> Option<f64>) -> Vec<u32> {
    // Adding zero makes -0.0 and 0.0 one number, as comparing scores does.
    let number = |row: usize| number(row).map(|number| number + 0.0);
    let order = ascending(n_rows, number);
    let equal =
        |a: &u32, b: &u32| number(*a as usize).map(f64::to_bits) == number(*b as usize).map(f64::to_bits);
    let mut ranks = vec![UNRANKED; n_rows];
    let mut start = 0;
    for group in order.chunk_by(equal) {
        let twice_mean = u32::try_from(2 * start + group.len() - 1).expect("a table of at most 2^31 rows");
        for &row in group {
            ranks[row as usize] = twice_mean;
        }
        start += group.len();
    }
    ranks
}

/// Pearson's correlation of ranks, over the rows that are ranked on both sides.
fn pearson(left: &[u32], right: &[u32]) -> Option<f64> {
    let rank = |twice: u32| f64::from(twice) / 2.0;
    let pairs = || {
        let both = left.iter().zip(right).filter(|(left, right)| **left != UNRANKED && **right != UNRANKED);
        both.map(|(left, right)| (rank(*left), rank(*right)))
    };
    let n = pairs().count() as f64;
    let mean_left = pairs().map(|(left, _)| left).sum::<f64>() / n;
    let mean_right = pairs().map(|(_, right)| right).sum::<f64>() / n;
    let (mut covariance, mut variance_left, mut variance_right) = (0.0, 0.0, 0.0);
    for (l, r) in pairs() {
        let (l, r) = (l - mean_left, r - mean_right);
        covariance += l * r;
        variance_left += l * l;
        variance_right += r * r;
    }
    let scale = (variance_left * variance_right).sqrt();
    (scale > 0.0).then(|| (covariance / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(f64, f64)]) -> Option<f64> {
        let column = |number: fn(&(f64, f64)) -> f64| pairs.iter().map(|pair| Some(number(pair))).collect();
        spearman(&column(|pair| pair.0), &column(|pair| pair.1))
    }

    #[test]
    fn known_values() {
        let line = |sign: f64| (0..9).map(|x| (f64::from(x), sign * f64::from(x).exp())).collect::<Vec<_>>();
        assert_eq!(of(&line(1.0)), Some(1.0));
        assert_eq!(of(&line(-1.0)), Some(-1.0));
        assert_eq!(of(&[(1.0, 2.0)]), None);
        assert_eq!(of(&[(1.0, 2.0), (1.0, 3.0)]), None);
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 5]) = 0.76315789...
        let tied = [(1.0, 3.0), (2.0, 1.0), (2.0, 4.0), (4.0, 4.0), (5.0, 5.0)];
        assert!((of(&tied).unwrap() - 0.763_157_894_736_842).abs() < 1e-12);
    }

    #[test]
    fn a_zero_has_no_sign() {
        let signed = [(0.0, 1.0), (-0.0, 2.0), (1.0, 0.0), (-0.0, -0.0), (2.0, 5.0)];
        let plain = signed.map(|(left, right)| (left + 0.0, right + 0.0));
        assert_eq!(of(&signed), of(&plain));
        assert_eq!(of(&[(0.0, 1.0), (-0.0, 2.0)]), None, "a constant");
    }

    #[test]
    fn only_rows_with_both_count() {
        let left: Numbers = [Some(1.0), None, Some(2.0), Some(9.0), Some(3.0)].into_iter().collect();
        let right: Numbers = [Some(4.0), Some(0.0), Some(2.0), None, Some(1.0)].into_iter().collect();
        assert_eq!(spearman(&left, &right), Some(-1.0));
        assert_eq!(spearman(&right, &Numbers::missing(5)), None);
    }
}
