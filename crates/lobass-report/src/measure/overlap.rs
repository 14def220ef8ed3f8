//! Agreement of two selections.

use lobass_core::Numbers;

/// A selection, row by row.
#[derive(Debug)]
pub(super) struct Kept {
    /// Whether each row was kept.
    pub(super) selected: Vec<bool>,
    /// The score of each candidate, so that high scores are kept.
    pub(super) scores: Numbers,
}

/// How much of two selections is the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreed {
    /// The rows that both keep, as a share of the smaller selection.
    pub(super) shared: f64,
    /// The share that two selections by chance would have, each as large and of the same candidates.
    pub(super) by_chance: f64,
    /// Rows of the smaller selection.
    pub(super) k: usize,
}

impl Kept {
    /// Compares two selections; `None` if either has no rows.
    pub(super) fn agreement(&self, other: &Self) -> Option<Agreed> {
        let both = self.selected.iter().zip(&other.selected).filter(|(one, other)| **one && **other).count();
        let [n_one, n_other] = [self, other].map(|kept| kept.selected.iter().filter(|kept| **kept).count());
        let k = n_one.min(n_other);
        let scores = || self.scores.iter().zip(other.scores.iter());
        let n_both = scores().filter(|(one, other)| one.is_some() && other.is_some()).count() as f64;
        let n_candidates = |kept: &Self| kept.scores.iter().flatten().count() as f64;
        let chance = |n: usize, kept: &Self| n as f64 / n_candidates(kept);
        (k > 0).then(|| Agreed {
            shared: both as f64 / k as f64,
            // Of the larger selection any row is as likely as any other: so many of the smaller one's are in it.
            by_chance: n_both * chance(n_one, self) * chance(n_other, other) / k as f64,
            k,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(scores: &[Option<f64>], rows: &[usize]) -> Kept {
        let selected = (0..scores.len()).map(|row| rows.contains(&row)).collect();
        Kept { selected, scores: scores.iter().copied().collect() }
    }

    #[test]
    fn by_hand() {
        let all = [Some(1.0); 8];
        let found = kept(&all, &[0, 1, 2, 3]).agreement(&kept(&all, &[2, 3, 4, 5])).unwrap();
        assert_eq!((found.shared, found.k), (0.5, 4));
        assert!((found.by_chance - 0.5).abs() < 1e-12);
        // Two of the four candidates of the second selection do not belong to the first.
        let some = [Some(1.0), Some(1.0), None, None, Some(1.0), Some(1.0), None, None];
        let other = [None, None, Some(1.0), Some(1.0), Some(1.0), Some(1.0), None, None];
        let found = kept(&some, &[0, 4]).agreement(&kept(&other, &[2, 4, 5])).unwrap();
        assert_eq!((found.shared, found.k), (0.5, 2));
        assert!((found.by_chance - 2.0 * 0.5 * 0.75 / 2.0).abs() < 1e-12);
        assert_eq!(kept(&all, &[]).agreement(&kept(&all, &[1])), None);
    }
}
