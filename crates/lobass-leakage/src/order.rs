//! Orders of options.

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// The most options of which all orders are listed: 5 have 120.
pub const MAX_ALL: usize = 5;

/// The orders of `n` options, the original one first; `None` if there are too many and no limit.
///
/// Up to [`MAX_ALL`] options have all their orders, in lexicographic order, as `itertools.permutations` lists them. With
/// a limit below that number, or with more options, as many different orders are drawn with a seed; the original one is
/// always among them.
///
/// # Panics
/// If the limit is 0.
pub fn orders(n: usize, limit: Option<usize>, seed: u64) -> Option<Vec<Vec<usize>>> {
    assert_ne!(limit, Some(0), "a limit of at least one order");
    let count = (n <= 20).then(|| (1..=n as u64).product::<u64>());
    match limit {
        None if n > MAX_ALL => None,
        Some(limit) if count.is_none_or(|count| count > limit as u64) => Some(drawn(n, limit, seed)),
        // So few that all of them are asked for.
        _ => Some(all(n)),
    }
}

/// All orders, in lexicographic order.
fn all(n: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut all = vec![order.clone()];
    // The last place where the order rises, and what follows it, from the smallest to the largest.
    while let Some(at) = (1..n).rev().find(|&at| order[at - 1] < order[at]) {
        let larger = (at..n).rev().find(|&later| order[later] > order[at - 1]).unwrap_or(at);
        order.swap(at - 1, larger);
        order[at..].reverse();
        all.push(order.clone());
    }
    all
}

/// The original order and others.
fn drawn(n: usize, limit: usize, seed: u64) -> Vec<Vec<usize>> {
    let original: Vec<usize> = (0..n).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = vec![original.clone()];
    let mut order = original;
    while drawn.len() < limit {
        order.shuffle(&mut random);
        if !drawn.contains(&order) {
            drawn.push(order.clone());
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_orders_are_those_of_itertools() {
        let expected = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        assert_eq!(orders(3, None, 0).unwrap(), expected);
        for (n, count) in [(1, 1), (4, 24), (5, 120)] {
            let orders = orders(n, None, 0).unwrap();
            assert_eq!(orders.len(), count);
            assert_eq!(orders.iter().collect::<HashSet<_>>().len(), count);
            assert!(orders.is_sorted());
        }
    }

    #[test]
    fn many_options_need_a_limit() {
        assert_eq!(orders(6, None, 1), None);
        for (n, limit) in [(6, 30), (4, 12), (25, 5)] {
            let found = orders(n, Some(limit), 1).unwrap();
            assert_eq!(found.len(), limit);
            assert_eq!(found[0], (0..n).collect::<Vec<_>>());
            assert_eq!(found.iter().collect::<HashSet<_>>().len(), limit);
            assert_ne!(orders(n, Some(limit), 2).unwrap(), found);
        }
        assert_eq!(orders(4, Some(24), 1), orders(4, None, 0));
        assert_eq!(orders(6, Some(1000), 1).unwrap().len(), 720);
    }
}
