//! Rank correlation.

/// Spearman's rank correlation of paired numbers, in [-1, 1]; ties get their mean rank.
///
/// `None` with fewer than two pairs, or if either side is constant: there is nothing to correlate then.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (left, right): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    pearson(&ranks(&left), &ranks(&right))
}

/// Mean ranks, from 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| values[a].total_cmp(&values[b]).is_eq()) {
        let mean = start as f64 + (group.len() - 1) as f64 / 2.0;
        for &at in group {
            ranks[at] = mean;
        }
        start += group.len();
    }
    ranks
}

fn pearson(left: &[f64], right: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_left, mean_right) = (mean(left), mean(right));
    let (mut covariance, mut variance_left, mut variance_right) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().zip(right) {
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

    #[test]
    fn known_values() {
        let line = |sign: f64| (0..9).map(|x| (f64::from(x), sign * f64::from(x).exp())).collect::<Vec<_>>();
        assert_eq!(spearman(&line(1.0)), Some(1.0));
        assert_eq!(spearman(&line(-1.0)), Some(-1.0));
        assert_eq!(spearman(&[(1.0, 2.0)]), None);
        assert_eq!(spearman(&[(1.0, 2.0), (1.0, 3.0)]), None);
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 5]) = 0.76315789...
        let tied = [(1.0, 3.0), (2.0, 1.0), (2.0, 4.0), (4.0, 4.0), (5.0, 5.0)];
        assert!((spearman(&tied).unwrap() - 0.763_157_894_736_842).abs() < 1e-12);
    }
}
