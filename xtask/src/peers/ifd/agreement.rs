//! How two engines agree on the losses of rows with and without their prompts, and on the IFD of these.

use anyhow::{Result, bail};

/// The losses of rows, in nats a token.
#[derive(Debug)]
pub(super) struct Losses {
    /// With the prompt and without it, of each row.
    rows: Vec<[f64; 2]>,
}

/// Absolute differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Differences {
    pub(super) mean: f64,
    pub(super) worst: f64,
}

/// The agreement of two engines.
#[derive(Debug, PartialEq)]
pub(super) struct Agreement {
    /// Of both losses of every row, in nats a token.
    pub(super) losses: Differences,
    pub(super) ifd: Differences,
    /// Spearman's, of the IFD of rows.
    pub(super) correlation: f64,
    /// The share of the tenth with the highest IFD that is in the other's; rows above 1 are left out.
    pub(super) top: f64,
    /// Rows with an IFD above 1, of either.
    pub(super) above: (usize, usize),
}

impl Losses {
    /// - `losses`: of each row two, with the prompt and without it
    pub(super) fn of(losses: &[f64]) -> Result<Self> {
        let (rows, []) = losses.as_chunks() else {
            bail!("expected two losses of each row, found {}", losses.len());
        };
        Ok(Self { rows: rows.to_vec() })
    }

    pub(super) fn beside(&self, other: &Self) -> Agreement {
        let (mine, others) = (self.ifd(), other.ifd());
        let above = |ifd: &[f64]| ifd.iter().filter(|ifd| **ifd > 1.0).count();
        Agreement {
            losses: differences(self.rows.as_flattened(), other.rows.as_flattened()),
            ifd: differences(&mine, &others),
            correlation: pearson(&ranks(&mine), &ranks(&others)),
            top: overlap(&top(&mine), &top(&others)),
            above: (above(&mine), above(&others)),
        }
    }

    fn ifd(&self) -> Vec<f64> {
        self.rows.iter().map(|[with, without]| with / without).collect()
    }
}

fn differences(left: &[f64], right: &[f64]) -> Differences {
    let all = || left.iter().zip(right).map(|(left, right)| (left - right).abs());
    Differences { mean: all().sum::<f64>() / left.len() as f64, worst: all().fold(0.0, f64::max) }
}

/// The rank of each number; equal ones in their order, which hardly occurs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&left, &right| numbers[left].total_cmp(&numbers[right]));
    let mut ranks = vec![0.0; numbers.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = rank as f64;
    }
    ranks
}

fn pearson(left: &[f64], right: &[f64]) -> f64 {
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let (mean_left, mean_right) = (mean(left), mean(right));
    let products = |left: &[f64], mean_left: f64, right: &[f64], mean_right: f64| {
        left.iter().zip(right).map(|(a, b)| (a - mean_left) * (b - mean_right)).sum::<f64>()
    };
    let scale = products(left, mean_left, left, mean_left) * products(right, mean_right, right, mean_right);
    products(left, mean_left, right, mean_right) / scale.sqrt()
}

/// The tenth of the rows with the highest IFD, of those that are not above 1.
fn top(ifd: &[f64]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..ifd.len()).filter(|&row| ifd[row] <= 1.0).collect();
    rows.sort_by(|&left, &right| ifd[right].total_cmp(&ifd[left]));
    rows.truncate(ifd.len().div_ceil(10));
    rows
}

fn overlap(left: &[usize], right: &[usize]) -> f64 {
    left.iter().filter(|row| right.contains(row)).count() as f64 / left.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_agrees_with_itself() {
        let losses = Losses::of(&[1.0, 2.0, 2.0, 1.0, 1.0, 4.0]).unwrap();
        let nothing = Differences { mean: 0.0, worst: 0.0 };
        let expected = Agreement { losses: nothing, ifd: nothing, correlation: 1.0, top: 1.0, above: (1, 1) };
        assert_eq!(losses.beside(&losses), expected);
    }

    #[test]
    fn by_hand() {
        // IFD of 0.5, 2, and 0.25 beside 0.5, 0.5, and 0.75.
        let left = Losses::of(&[1.0, 2.0, 2.0, 1.0, 1.0, 4.0]).unwrap();
        let right = Losses::of(&[1.0, 2.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
        let found = left.beside(&right);
        assert_eq!(found.losses, Differences { mean: 4.0 / 6.0, worst: 2.0 });
        assert_eq!(found.ifd, Differences { mean: 2.0 / 3.0, worst: 1.5 });
        assert_eq!((found.top, found.above), (0.0, (1, 0)));
        assert_eq!(found.correlation, -0.5);
    }

    #[test]
    fn half_of_a_row_is_an_error() {
        assert!(Losses::of(&[1.0, 2.0, 3.0]).is_err());
    }
}
