//! Whether regions differ at all.

use serde::Serialize;

use crate::Verdict;

/// The share of regions with one verdict from which on verdicts tell little.
const NEARLY_ALL: f64 = 0.9;
/// The fewest regions that can be alike.
const FEWEST: usize = 3;

/// How alike regions are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Alike {
    /// The verdict of most regions.
    pub verdict: Verdict,
    /// Regions with it.
    pub n_with: usize,
    /// Regions that were judged.
    pub n_judged: usize,
    /// Whether nearly all regions have it, so that the verdict does not tell them apart.
    pub nearly_all: bool,
    /// The share of the differences between drops that chance does not explain, from 0 to 1; `None` if a region has no
    /// spread.
    pub beyond_chance: Option<f64>,
}

impl Alike {
    /// - `judged`: of each region, the verdict, the drop, and its standard error
    pub(crate) fn of(judged: &[(Verdict, f64, f64)]) -> Option<Self> {
        if judged.len() < FEWEST {
            return None;
        }
        let count = |wanted| judged.iter().filter(|(verdict, ..)| *verdict == wanted).count();
        let all = [Verdict::Learned, Verdict::Unchanged, Verdict::Worse];
        let (n_with, verdict) =
            all.map(|verdict| (count(verdict), verdict)).into_iter().max_by_key(|(n, _)| *n)?;
        Some(Self {
            verdict,
            n_with,
            n_judged: judged.len(),
            nearly_all: n_with as f64 >= NEARLY_ALL * judged.len() as f64,
            beyond_chance: heterogeneity(judged),
        })
    }
}

/// I² of the drops of regions. Source: Higgins and Thompson, 2002, by Cochran's Q.
fn heterogeneity(judged: &[(Verdict, f64, f64)]) -> Option<f64> {
    if judged.iter().any(|(.., error)| *error <= 0.0) {
        return None;
    }
    let weights = || judged.iter().map(|(_, value, error)| (value, error.powi(-2)));
    let mean =
        weights().map(|(value, weight)| weight * value).sum::<f64>() / weights().map(|(_, w)| w).sum::<f64>();
    let q: f64 = weights().map(|(value, weight)| weight * (value - mean).powi(2)).sum();
    let freedom = judged.len() as f64 - 1.0;
    Some(if q > freedom { (q - freedom) / q } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let learned = |value| (Verdict::Learned, value, 0.1);
        let found = Alike::of(&[learned(1.0), learned(1.0), learned(2.0)]).unwrap();
        assert_eq!((found.verdict, found.n_with, found.n_judged), (Verdict::Learned, 3, 3));
        assert!(found.nearly_all);
        // The mean is 4/3; Q = 100 (1/9 + 1/9 + 4/9) = 200/3, with 2 degrees of freedom.
        assert!((found.beyond_chance.unwrap() - (200.0 / 3.0 - 2.0) / (200.0 / 3.0)).abs() < 1e-12);
        let same = Alike::of(&[learned(1.0), learned(1.0), learned(1.0)]).unwrap();
        assert_eq!(same.beyond_chance, Some(0.0));
        let mixed = [learned(1.0), (Verdict::Worse, -1.0, 0.1), learned(1.0)];
        assert!(!Alike::of(&mixed).unwrap().nearly_all);
        assert_eq!(Alike::of(&mixed[..2]), None);
        let flat = [learned(1.0), (Verdict::Unchanged, 0.0, 0.0), learned(1.0)];
        assert_eq!(Alike::of(&flat).unwrap().beyond_chance, None);
    }
}
