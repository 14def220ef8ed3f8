//! Which rows of a strategy are worth looking at.

use lobass_core::{Selected, Selection};

use crate::report::{Picks, Ranked};

/// The best and the worst `n` rows, and as many around the border, half of them on either side. No row comes twice.
pub(super) fn pick(ranking: &Selection, selection: &Selection, selected: &[bool], n: usize) -> Picks {
    let is_kept = |one: &Selected| usize::try_from(one.row).is_ok_and(|row| selected.get(row) == Some(&true));
    let kept: Vec<Ranked> = ranked(&selection.selected);
    let best = &kept[..n.min(kept.len())];
    let half = n.div_ceil(2);
    let last_kept = &kept[best.len().max(kept.len().saturating_sub(half))..];
    let left = |limit: usize| -> Vec<Ranked> {
        let all = ranking.selected.iter().zip(1..).filter(|(one, _)| !is_kept(one));
        all.take(limit).map(|(one, rank)| as_ranked(one, rank)).collect()
    };
    let first_left = left(half);
    let n_left = ranking.selected.len().saturating_sub(kept.len()).saturating_sub(first_left.len());
    let ranks = (1..=ranking.selected.len() as u64).rev();
    let from_behind = ranking.selected.iter().rev().zip(ranks).filter(|(one, _)| !is_kept(one));
    let mut worst: Vec<Ranked> =
        from_behind.take(n.min(n_left)).map(|(one, rank)| as_ranked(one, rank)).collect();
    worst.reverse();
    Picks { best: best.to_vec(), last_kept: last_kept.to_vec(), first_left, worst }
}

fn ranked(rows: &[Selected]) -> Vec<Ranked> {
    rows.iter().zip(1..).map(|(one, rank)| as_ranked(one, rank)).collect()
}

fn as_ranked(one: &Selected, rank: u64) -> Ranked {
    Ranked { row: one.row, rank, score: one.score.value() }
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

    fn picked(n_rows: u64, n_kept: u64, n: usize) -> Picks {
        let all: Vec<u64> = (0..n_rows).collect();
        let kept: Vec<bool> = all.iter().map(|row| *row < n_kept).collect();
        let (some, _) = all.split_at(usize::try_from(n_kept.min(n_rows)).unwrap());
        pick(&selection(&all), &selection(some), &kept, n)
    }

    #[test]
    fn by_hand() {
        let rows = |ranked: &[Ranked]| ranked.iter().map(|one| (one.row, one.rank)).collect::<Vec<_>>();
        let found = picked(20, 6, 3);
        assert_eq!(rows(&found.best), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(rows(&found.last_kept), [(4, 5), (5, 6)]);
        assert_eq!(rows(&found.first_left), [(6, 7), (7, 8)]);
        assert_eq!(rows(&found.worst), [(17, 18), (18, 19), (19, 20)]);
    }

    proptest! {
        #[test]
        fn no_row_twice(n_rows in 0u64..30, n_kept in 0u64..30, n in 0usize..9) {
            let rows: Vec<u64> = picked(n_rows, n_kept, n).rows().collect();
            let mut once = rows.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), rows.len());
            prop_assert!(rows.iter().all(|row| *row < n_rows));
        }
    }
}
