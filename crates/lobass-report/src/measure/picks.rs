//! Which rows of a strategy are worth looking at.

use std::collections::BTreeSet;

use lobass_core::{Selected, Selection};

use crate::report::{Picks, Ranked};

/// The best and the worst `n` rows, and as many around the border, half of them on either side. No row comes twice, and
/// of rows that are `alike` each group has the first.
pub(super) fn pick(
    ranking: &[Selected],
    selection: &Selection,
    ranks: &Ranks,
    selected: &[bool],
    n: usize,
    alike: impl Fn(u64, u64) -> bool,
) -> Picks {
    let is_kept = |one: &Selected| usize::try_from(one.row).is_ok_and(|row| selected.get(row) == Some(&true));
    let mut taken = BTreeSet::new();
    let mut distinct = |rows: &mut dyn Iterator<Item = &Selected>, n: usize| {
        let mut found: Vec<Ranked> = Vec::new();
        for one in rows {
            if found.len() == n {
                break;
            }
            if !taken.contains(&one.row) && !found.iter().any(|other| alike(other.row, one.row)) {
                found.push(Ranked { row: one.row, rank: ranks.of_row(one.row), score: one.score.value() });
            }
        }
        taken.extend(found.iter().map(|found| found.row));
        found
    };
    let kept = || selection.selected.iter();
    let left = || ranking.iter().filter(|one| !is_kept(one));
    let half = n.div_ceil(2);
    let best = distinct(&mut kept(), n);
    let mut last_kept = distinct(&mut kept().rev(), half);
    let first_left = distinct(&mut left(), half);
    let mut worst = distinct(&mut left().rev(), n);
    last_kept.reverse();
    worst.reverse();
    Picks { best, last_kept, first_left, worst }
}

/// The rank of every candidate, whether or not it was kept.
pub(super) struct Ranks {
    /// From 1; 0 for rows without a rank.
    of: Vec<u32>,
    /// Whether the kept rows are the first ones.
    pub(super) is_top: bool,
}

impl Ranks {
    pub(super) fn of(n_rows: usize, ranking: &[Selected], selection: &Selection) -> Self {
        let mut of = vec![0; n_rows];
        for (one, rank) in ranking.iter().zip(1..) {
            if let Some(place) = usize::try_from(one.row).ok().and_then(|row| of.get_mut(row)) {
                *place = rank;
            }
        }
        let mut ranks = Self { of, is_top: false };
        let n_selected = selection.selected.len() as u64;
        ranks.is_top = selection.selected.iter().all(|one| (1..=n_selected).contains(&ranks.of_row(one.row)));
        ranks
    }

    fn of_row(&self, row: u64) -> u64 {
        usize::try_from(row).ok().and_then(|row| self.of.get(row)).map_or(0, |&rank| u64::from(rank))
    }
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
        let (ranking, kept_ones) = (selection(&all), selection(some));
        let ranks = Ranks::of(all.len(), &ranking.selected, &kept_ones);
        assert!(ranks.is_top);
        pick(&ranking.selected, &kept_ones, &ranks, &kept, n, |a, b| a / twins == b / twins)
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

    #[test]
    fn a_selection_by_parts_keeps_its_ranks_and_has_no_border() {
        // Rows 0 and 3 are of a part whose share is used up.
        let (ranking, kept) = (selection(&[0, 1, 2, 3, 4, 5]), selection(&[1, 2, 4]));
        let ranks = Ranks::of(6, &ranking.selected, &kept);
        assert!(!ranks.is_top);
        let selected = [false, true, true, false, true, false];
        let found = pick(&ranking.selected, &kept, &ranks, &selected, 2, |_, _| false);
        let rows = |ranked: &[Ranked]| ranked.iter().map(|one| (one.row, one.rank)).collect::<Vec<_>>();
        assert_eq!(rows(&found.best), [(1, 2), (2, 3)]);
        assert_eq!((rows(&found.last_kept), rows(&found.first_left)), (vec![(4, 5)], vec![(0, 1)]));
        assert_eq!(rows(&found.worst), [(3, 4), (5, 6)]);
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
