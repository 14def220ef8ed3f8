//! How often which score occurs, among the candidates and in a selection.

use serde::Serialize;

use super::axis::Axis;
use super::edges::{bin_of, edges};

/// Counts along an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The scores.
    pub axis: Axis,
    /// The bins, ascending, without gaps.
    pub bins: Vec<Bin>,
    /// Rows beyond the axis; they are counted in the first and in the last bin.
    pub n_outside: u64,
}

/// Rows with a score in `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Candidates.
    pub n_pool: u64,
    /// Kept rows among them.
    pub n_selected: u64,
}

/// Bins of a histogram.
const N_BINS: usize = 48;

impl Histogram {
    /// Counts scores, of which some are selected; those below `least` are counted in the first bin.
    pub(super) fn of(label: &str, least: f64, scores: impl Iterator<Item = (f64, bool)> + Clone) -> Self {
        let numbers: Vec<f64> = scores.clone().map(|(score, _)| score.max(least)).collect();
        let whole = numbers.iter().all(|score| score.fract() == 0.0);
        let mut axis = Axis::with_margin(label, numbers, !whole, 0.0);
        let edges = edges(&axis, N_BINS, whole);
        (axis.min, axis.max) = (edges[0], edges[edges.len() - 1]);
        let bin = |ends: &[f64]| Bin { from: ends[0], to: ends[1], n_pool: 0, n_selected: 0 };
        let mut bins: Vec<Bin> = edges.windows(2).map(bin).collect();
        let mut n_outside = 0;
        for (score, selected) in scores {
            let bin = &mut bins[bin_of(&edges, score)];
            bin.n_pool += 1;
            bin.n_selected += u64::from(selected);
            n_outside += u64::from(!axis.contains(score));
        }
        Self { axis, bins, n_outside }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_is_counted_once(scores in prop::collection::vec((-1e3f64..1e3, any::<bool>()), 1..200)) {
            let found = Histogram::of("score", f64::NEG_INFINITY, scores.iter().copied());
            prop_assert_eq!(found.bins.iter().map(|bin| bin.n_pool).sum::<u64>(), scores.len() as u64);
            let selected = scores.iter().filter(|(_, selected)| *selected).count() as u64;
            prop_assert_eq!(found.bins.iter().map(|bin| bin.n_selected).sum::<u64>(), selected);
            for bin in &found.bins[1..found.bins.len() - 1] {
                let within = |score: f64| (bin.from..bin.to).contains(&score);
                let plainly = scores.iter().filter(|(score, _)| within(*score)).count() as u64;
                prop_assert_eq!(bin.n_pool, plainly);
            }
        }
    }
}
