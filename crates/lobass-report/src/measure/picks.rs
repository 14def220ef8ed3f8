//! Which rows of a strategy are worth looking at.

use std::collections::BTreeSet;

use lobass_core::{Selected, Selection};

use crate::report::{Picks, Ranked};

/// The best and the worst `n` rows, and as many around the border, half of them on either side. No row comes twice, and
/// of rows that are `alike` each group has the first.
pub(super) fn pick(
    ranking: &Selection,
    selection: &Selection,
    selected: &[bool],
    n: usize,
    alike: impl Fn(u64, u64) -> bool,
) -> Picks {
    let is_kept = |one: &Selected| usize::try_from(one.row).is_ok_and(|row| selected.get(row) == Some(&true));
    let mut taken = BTreeSet::new();
    let mut distinct = |rows: &mut dyn Iterator<Item = (&Selected, u64)>, n: usize| {
        let mut found: Vec<Ranked> = Vec::new();
        for (one, rank) in rows {
            if found.len() == n {
                break;
            }
            if !taken.contains(&one.row) && !found.iter().any(|other| alike(other.row, one.row)) {
                found.push(Ranked { row: one.row, rank, score: one.score.value() });
            }
        }
        taken.extend(found.iter().map(|found| found.row));
        found
    };
    let kept = || with_ranks(selection);
    let left = || with_ranks(ranking).filter(|(one, _)| !is_kept(one));
    let half = n.div_ceil(2);
    let best = distinct(&mut kept(), n);
    let mut last_kept = distinct(&mut kept().rev(), half);
    let first_left = distinct(&mut left(), half);
    let mut worst = distinct(&mut left().rev(), n);
    last_kept.reverse();
    worst.reverse();
    Picks { best, last_kept, first_left, worst }
}

/// Rows with their ranks, from either end.
fn with_ranks(selection: &Selection) -> impl DoubleEndedIterator<Item = (&Selected, u64)> {
    selection.selected.iter().enumerate().map(|(at, one)| (one, at as u64 + 1))
}

#[cfg(test)]
mod tests {
    use lobass_core::{Budget, Direction, Score};
    use proptest::prelude::*;

    use super::*;

    fn selection(rows: &[u64]) -> Selection {
        let selected = rows.iter().map(|&row| Selected { row, score: Score::new(-(row as f64)).unwrap() });
        Selection {
            strategy: "s".to_owned(),
            direction: Direction::Descending,
            budget: Budget::Rows(1),
            seed: 0,
            n_rows: 99,
            n_eligible: 99,
            n_tokens: 0,
            selected: selected.collect(),
        }
    }

    fn picked(n_rows: u64, n_kept: u64, n: usize, twins: u64) -> Picks {
        let all: Vec<u64> = (0..n_rows).collect();
        let kept: Vec<bool> = all.iter().map(|row| *row < n_kept).collect();
        let (some, _) = all.split_at(usize::try_from(n_kept.min(n_rows)).unwrap());
        pick(&selection(&all), &selection(some), &kept, n, |a, b| a / twins == b / twins)
    }

    #[test]
    fn by_hand() {
        let rows = |ranked: &[Ranked]| ranked.iter().map(|one| (one.row, one.rank)).collect::<Vec<_>>();
        let found = picked(20, 6, 3, 1);
        assert_eq!(rows(&found.best), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(rows(&found.last_kept), [(4, 5), (5, 6)]);
        assert_eq!(rows(&found.first_left), [(6, 7), (7, 8)]);
        assert_eq!(rows(&found.worst), [(17, 18), (18, 19), (19, 20)]);
        let found = picked(20, 6, 3, 2);
        assert_eq!(rows(&found.best), [(0, 1), (2, 3), (4, 5)]);
        assert_eq!(rows(&found.last_kept), [(3, 4), (5, 6)]);
        assert_eq!(rows(&found.first_left), [(6, 7), (8, 9)]);
        assert_eq!(rows(&found.worst), [(15, 16), (17, 18), (19, 20)]);
    }

    proptest! {
        #[test]
        fn no_row_twice(n_rows in 0u64..30, n_kept in 0u64..30, n in 0usize..9, twins in 1u64..4) {
            let rows: Vec<u64> = picked(n_rows, n_kept, n, twins).rows().collect();
            let mut once = rows.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), rows.len());
            prop_assert!(rows.iter().all(|row| *row < n_rows));
        }
    }
}
