//! Where bins begin and end.

use super::axis::{Axis, Scale};

/// The edges of at most `n` bins along an axis, ascending.
///
/// For whole numbers each bin has equally many of them or, on a scale of ratios, at least one. Narrower bins would look
/// like a comb.
pub(super) fn edges(axis: &Axis, n: usize, whole: bool) -> Vec<f64> {
    if !whole {
        return (0..=n).map(|at| axis.number_at(at as f64 / n as f64)).collect();
    }
    let (first, last) = (axis.min.ceil(), axis.max.floor().max(axis.min.ceil()));
    match axis.scale {
        Scale::Linear => {
            let width = ((last - first + 1.0) / n as f64).ceil().max(1.0);
            let mut edges = vec![first - 0.5];
            while *edges.last().expect("one at least") < last {
                edges.push(edges[edges.len() - 1] + width);
            }
            edges
        }
        Scale::Log => {
            let between = (0..=n).map(|at| axis.number_at(at as f64 / n as f64).floor() + 0.5);
            let mut edges: Vec<f64> = between.collect();
            edges.push(last + 0.5);
            edges.retain(|edge| (first - 0.5..=last + 0.5).contains(edge));
            edges.insert(0, first - 0.5);
            edges.dedup();
            edges
        }
    }
}

/// The bin of a number; what is outside is in the first or in the last.
#[inline]
pub(super) fn bin_of(edges: &[f64], number: f64) -> usize {
    let after = edges.partition_point(|edge| *edge <= number);
    after.saturating_sub(1).min(edges.len().saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_share_bins_evenly() {
        let axis = |scale, min, max| Axis { label: String::new(), scale, min, max };
        assert_eq!(edges(&axis(Scale::Linear, 0.9, 6.1), 3, true), [0.5, 2.5, 4.5, 6.5]);
        assert_eq!(edges(&axis(Scale::Linear, 0.0, 1.0), 2, false), [0.0, 0.5, 1.0]);
        let log = edges(&axis(Scale::Log, 0.9, 100.0), 12, true);
        assert_eq!(log[..4], [0.5, 1.5, 2.5, 4.5]);
        assert_eq!(*log.last().unwrap(), 100.5);
    }

    proptest! {
        #[test]
        fn every_number_has_its_bin(
            numbers in prop::collection::vec(1u32..3000, 1..60), whole: bool, log: bool, n in 2usize..70,
        ) {
            let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
            let axis = Axis::of("a", numbers.clone(), log);
            let edges = edges(&axis, n, whole);
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", edges);
            prop_assert!(edges.len() >= 2 && edges.len() <= n + 3);
            for number in numbers.into_iter().filter(|number| axis.contains(*number)) {
                let bin = bin_of(&edges, number);
                prop_assert!(edges[bin] <= number && (number < edges[bin + 1] || bin + 2 == edges.len()));
            }
        }
    }
}
