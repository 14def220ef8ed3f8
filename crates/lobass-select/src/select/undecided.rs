//! Selecting before keys are read. As a rule no two rows at the border have the same score, so no key is needed.

use lobass_core::{Budget, Score, Selected};

use super::chosen::Chosen;
use super::decided::decided;
use super::request::Request;
use crate::error::SelectError;
use crate::hashes::{FewHashes, Hashes};
use crate::strategy::{Choice, Inputs, KeyHashes, Need, Unread};

/// Selects, and reads the hashes of keys only for the rows whose order they decide.
///
/// If scores come from sums of losses and all rows are ranked in one list, rows are first chosen without hashes. Then the
/// hashes of two kinds of rows are read: chosen rows that share a score, and rows with the score at the border. With
/// these, rows are chosen again. In any other case all hashes are read.
pub(super) fn with_late_hashes(
    inputs: &Inputs<'_>,
    request: &Request<'_>,
    hashes: &dyn KeyHashes,
) -> Result<Chosen, SelectError> {
    let seed = inputs.columns().seed;
    let unread = |error| SelectError::Unread(Unread(error));
    if !is_one_ranking(request) {
        let all = hashes.of_all(seed).map_err(unread)?;
        return decided(&inputs.with_hashes(Hashes::All(&all)), request);
    }
    let chosen = decided(inputs, request)?;
    let rows = undecided(&chosen);
    if rows.is_empty() {
        return Ok(chosen);
    }
    let found = hashes.of(&rows, seed).map_err(unread)?;
    decided(&inputs.with_hashes(Hashes::Few(&FewHashes::new(rows, found))), request)
}

/// Whether hashes do no more than order rows with equal scores in one list, and scores are quick to compute again.
pub(crate) fn is_one_ranking(request: &Request<'_>) -> bool {
    let Request { strategy, shape, sets, .. } = request;
    let info = strategy.info();
    matches!(strategy.choice(), Choice::Ranks)
        && sets.is_none()
        && shape.quota.is_none()
        && shape.groups.is_empty()
        && shape.responses.winner(None).is_none()
        && !info.reads_keys
        && info.needs.iter().all(|need| need.is_of_sums() || *need == Need::Rating)
}

/// The rows whose hashes decide which rows are chosen, or in which order; ascending.
fn undecided(chosen: &Chosen) -> Vec<u32> {
    let selection = &chosen.selection;
    let same = |left: &Selected, right: &Selected| left.score == right.score;
    let border = border(chosen).filter(|border| border.n_rows > 1).map(|border| border.score);
    let mut rows: Vec<u32> = Vec::new();
    for equal in selection.selected.chunk_by(same) {
        if equal.len() > 1 && Some(equal[0].score) != border {
            rows.extend(equal.iter().map(|one| u32::try_from(one.row).expect("at most 2^31 rows")));
        }
    }
    if border.is_some() {
        let scores = (0u32..).zip(chosen.scores.iter());
        rows.extend(scores.filter(|(_, score)| score.and_then(Score::new) == border).map(|(row, _)| row));
    }
    rows.sort_unstable();
    rows
}

/// The score at which a selection stops, and the candidates that have it. Hashes decide which of these are chosen.
struct Border {
    score: Score,
    n_rows: usize,
}

/// The border of a selection. `None` if hashes cannot change which rows are chosen.
fn border(chosen: &Chosen) -> Option<Border> {
    let selection = &chosen.selection;
    let last = selection.selected.last().map(|one| one.score);
    let (mut n_until_last, mut next) = (0, None::<Border>);
    for score in chosen.scores.iter().flatten().filter_map(Score::new) {
        if last.is_some_and(|last| selection.direction.compare(score, last).is_le()) {
            n_until_last += 1;
            continue;
        }
        match &mut next {
            Some(next) if next.score == score => next.n_rows += 1,
            Some(next) if selection.direction.compare(next.score, score).is_lt() => {}
            _ => next = Some(Border { score, n_rows: 1 }),
        }
    }
    let n_chosen = selection.selected.len();
    match last {
        Some(score) if n_until_last > n_chosen => {
            let n_chosen_of_it = selection.selected.iter().rev().take_while(|one| one.score == score).count();
            Some(Border { score, n_rows: n_chosen_of_it + n_until_last - n_chosen })
        }
        // A short row with the next score may fit into the tokens that are left.
        _ => next.filter(|_| matches!(selection.budget, Budget::Tokens(_))),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::error::Error;

    use lobass_core::{Direction, ExampleKey, RowStatus, ScoreColumns, ScoreRecord, tie_break};
    use proptest::prelude::{Strategy as _, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::*;
    use crate::select;
    use crate::strategies::{self, Gap, GapSum, Lobass, Random};
    use crate::{Shape, Strategy};

    /// Keys in memory, and the rows that were asked for.
    struct Keys {
        n_rows: usize,
        asked: RefCell<Vec<u32>>,
    }

    impl Keys {
        fn new(n_rows: usize) -> Self {
            Self { n_rows, asked: RefCell::default() }
        }
    }

    impl KeyHashes for Keys {
        fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
            self.asked.borrow_mut().extend(rows);
            Ok(rows.iter().map(|row| tie_break(&format!("k{row}"), seed)).collect())
        }

        fn of_all(&self, seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
            self.of(&(0..u32::try_from(self.n_rows)?).collect::<Vec<_>>(), seed)
        }
    }

    fn record(row: u64, base: u8, status: RowStatus) -> ScoreRecord {
        let scored = ScoreRecord::scored(row, 1 + u32::from(base % 3), 10.0, f64::from(base));
        ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            status,
            n_tokens: 2 + u32::from(base % 4),
            base: scored.base.filter(|_| status.is_scored()),
            ..scored
        }
    }

    fn records(kinds: &[u8]) -> Vec<ScoreRecord> {
        let status = |kind: &u8| if kind % 11 == 10 { RowStatus::HeldOut } else { RowStatus::Ok };
        kinds.iter().zip(0..).map(|(kind, row)| record(row, *kind, status(kind))).collect()
    }

    fn late(
        columns: &ScoreColumns,
        request: &Request<'_>,
        keys: &Keys,
    ) -> Result<Chosen, crate::SelectError> {
        let without = ScoreColumns { ties: Vec::new(), ..columns.clone() };
        select(Inputs::new(&without).with_late_hashes(keys), request)
    }

    proptest! {
        #[test]
        fn late_hashes_choose_what_early_ones_do(
            kinds in prop::collection::vec(0u8..22, 1..80),
            budget in prop_oneof![(1u64..90).prop_map(Budget::Rows), (0u64..300).prop_map(Budget::Tokens)],
            seed: u64,
            ascending in any::<bool>(),
        ) {
            let columns = ScoreColumns::of(&records(&kinds), seed);
            let direction = ascending.then_some(Direction::Ascending);
            for strategy in strategies::all().iter().copied().filter(|one| one.has_lengths()) {
                let direction = direction.filter(|_| strategy.name() != "random");
                let request = Request { direction, ..Request::new(strategy, budget) };
                let keys = Keys::new(kinds.len());
                match select(&columns, &request) {
                    Ok(early) => prop_assert_eq!(late(&columns, &request, &keys).unwrap(), early),
                    Err(error) => prop_assert_eq!(late(&columns, &request, &keys).unwrap_err(), error),
                }
            }
        }

        #[test]
        fn what_is_looked_up_has_a_rival(kinds in prop::collection::vec(0u8..10, 1..80), k in 1u64..40) {
            let columns = ScoreColumns::of(&records(&kinds), 3);
            let request = Request::new(&Lobass, Budget::Rows(k));
            let keys = Keys::new(kinds.len());
            let chosen = late(&columns, &request, &keys).unwrap();
            let last = chosen.selection.selected.last().map(|one| one.score.value());
            for row in keys.asked.into_inner() {
                let score = chosen.scores.get(row as usize);
                let same = chosen.scores.iter().filter(|other| *other == score).count();
                prop_assert!(same > 1 && score >= last, "row {} has no rival", row);
            }
        }
    }

    #[test]
    fn keys_are_read_only_where_they_decide() {
        let columns = ScoreColumns::of(&records(&[0, 1, 2, 3, 3, 3, 4, 4]), 7);
        let asked = |strategy: &dyn Strategy, shape: &Shape, budget| {
            let keys = Keys::new(columns.len());
            late(&columns, &Request { shape, ..Request::new(strategy, budget) }, &keys).unwrap();
            keys.asked.into_inner()
        };
        let rows = |n| asked(&GapSum, &Shape::ANY, Budget::Rows(n));
        assert_eq!((rows(2), rows(3)), (vec![], vec![]), "no two rows at stake have one score");
        assert_eq!((rows(4), rows(5)), (vec![3, 4, 5], vec![3, 4, 5]));
        assert_eq!(rows(8), [3, 4, 5, 6, 7], "their order");
        assert_eq!(asked(&Random, &Shape::ANY, Budget::Rows(2)).len(), 8);
    }

    #[test]
    fn without_hashes_nothing_is_ranked() {
        let columns = ScoreColumns { ties: Vec::new(), ..ScoreColumns::of(&records(&[0, 1]), 7) };
        let error = select(&columns, &Request::new(&Gap, Budget::Rows(1))).unwrap_err();
        assert_eq!(error, crate::SelectError::NoHashes);
    }
}
