//! What owners keep together is what one selection of the joined table keeps.

use lobass_core::{Budget, Direction, ExampleKey, RowStatus, Score, ScoreColumns, ScoreRecord};
use lobass_select::strategies::Gap;
use lobass_select::{Request, select};
use proptest::prelude::*;

use super::*;

/// A row with one of few scores, so that there are ties. Some rows have no score.
fn record(row: u64, kind: u8, key: u64) -> ScoreRecord {
    let status = if kind % 7 == 6 { RowStatus::HeldOut } else { RowStatus::Ok };
    let scored = ScoreRecord::scored(row, 2, 2.0 * f64::from(kind % 5), 1.0);
    let base = scored.base.filter(|_| status.is_scored());
    let reference = scored.reference.filter(|_| status.is_scored());
    ScoreRecord {
        key: ExampleKey::new(format!("k{key}")),
        status,
        n_tokens: 2 + u32::from(kind % 4),
        base,
        reference,
        ..scored
    }
}

/// The rows of an owner, by a selection of all of them: guards and statuses count as they do there.
fn owner(records: &[ScoreRecord], direction: Direction, seed: u64, min_count: u64) -> (Owner, Vec<usize>) {
    let columns = ScoreColumns::of(records, seed);
    let request = Request { direction: Some(direction), ..Request::new(&Gap, Budget::Rows(u64::MAX)) };
    let scores = match select(&columns, &request) {
        Ok(chosen) => chosen.scores,
        Err(_) => return (Owner::new(&[], records.len() as u64, min_count), Vec::new()),
    };
    let place = |(row, score): (usize, Option<f64>)| {
        let score = Score::new(score?)?;
        Some((row, (Place::of(score, direction, columns.ties[row]), columns.n_tokens[row])))
    };
    let (rows, places): (Vec<usize>, Vec<_>) = scores.iter().enumerate().filter_map(place).unzip();
    (Owner::new(&places, records.len() as u64, min_count), rows)
}

fn parts(kinds: &[(u8, u64)], cuts: &[usize]) -> Vec<Vec<ScoreRecord>> {
    let records: Vec<ScoreRecord> =
        (0..).zip(kinds).map(|(row, (kind, key))| record(row, *kind, *key)).collect();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (records.len() + 1)).collect();
    ends.push(records.len());
    ends.sort_unstable();
    let mut start = 0;
    ends.into_iter().map(|end| records[std::mem::replace(&mut start, end)..end].to_vec()).collect()
}

/// Which rows of the joined table the owners keep.
fn together(
    parts: &[Vec<ScoreRecord>],
    direction: Direction,
    seed: u64,
    budget: Budget,
    min_count: u64,
) -> Vec<u64> {
    let (mut owners, rows): (Vec<Owner>, Vec<Vec<usize>>) =
        parts.iter().map(|part| owner(part, direction, seed, min_count)).unzip();
    let border = find_border(&mut owners, budget).unwrap();
    let mut kept = Vec::new();
    for (at, owner) in owners.iter_mut().enumerate() {
        kept.extend(owner.kept(&border, at).into_iter().map(|position| parts[at][rows[at][position]].row));
    }
    kept.sort_unstable();
    kept
}

fn any_budget() -> impl Strategy<Value = Budget> {
    prop_oneof![
        (0u64..70).prop_map(Budget::Rows),
        Just(Budget::Rows(u64::MAX)),
        (0u64..250).prop_map(Budget::Tokens),
        (1u32..=100).prop_map(|percent| Budget::Fraction(f64::from(percent) / 100.0)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Keys repeat now and then, so that whole places are shared.
    #[test]
    fn the_union_is_the_selection_of_the_joined_table(
        kinds in prop::collection::vec((0u8..20, 0u64..40), 1..60),
        cuts in prop::collection::vec(0usize..60, 0..5),
        budget in any_budget(),
        ascending in any::<bool>(),
        seed: u64,
    ) {
        let direction = if ascending { Direction::Ascending } else { Direction::Descending };
        let parts = parts(&kinds, &cuts);
        let columns = ScoreColumns::of(&parts.concat(), seed);
        let request = Request { direction: Some(direction), ..Request::new(&Gap, budget) };
        let mut expected: Vec<u64> = match select(&columns, &request) {
            Ok(chosen) => chosen.selection.selected.iter().map(|one| one.row).collect(),
            Err(_) => Vec::new(), // no row can be chosen at all
        };
        expected.sort_unstable();
        prop_assert_eq!(together(&parts, direction, seed, budget, 1), expected);
    }

    /// Rounded answers tell no fewer rows apart than they may, and what is kept is what was said.
    #[test]
    fn few_rows_are_never_told_apart(
        kinds in prop::collection::vec((0u8..20, 0u64..40), 1..60),
        cuts in prop::collection::vec(0usize..60, 0..3),
        budget in any_budget(),
        min_count in 2u64..12,
        seed: u64,
    ) {
        let parts = parts(&kinds, &cuts);
        let (owners, _): (Vec<Owner>, Vec<Vec<usize>>) =
            parts.iter().map(|part| owner(part, Direction::Descending, seed, min_count)).unzip();
        let totals: u64 = owners.iter().cloned().map(|mut owner| owner.totals().unwrap().eligible.rows).sum();
        let mut listening: Vec<Listener> = owners.into_iter().map(|owner| Listener { owner, heard: Vec::new() }).collect();
        let border = find_border(&mut listening, budget).unwrap();
        let mut n_kept = 0;
        for (at, listener) in listening.iter_mut().enumerate() {
            let kept = listener.owner.kept(&border, at).len() as u64;
            n_kept += kept;
            listener.heard.sort_unstable();
            let heard = &listener.heard;
            prop_assert!(heard.windows(2).all(|pair| pair[0].1 == pair[1].1 || pair[0].1 + min_count <= pair[1].1));
            match &border {
                Border::All => prop_assert_eq!(kept, listener.owner.totals().unwrap().eligible.rows),
                Border::Before { place, at_it } => {
                    prop_assert_eq!(at_it[at], 0);
                    prop_assert!(heard.iter().all(|(other, said)| other != place || *said == kept));
                }
            }
        }
        let n_rows = parts.iter().map(|part| part.len() as u64).sum();
        if let Some(rows) = budget.row_limit(n_rows) {
            let wanted = rows.min(totals);
            prop_assert!(n_kept <= wanted, "{} of {}", n_kept, wanted);
            prop_assert!(n_kept + 2 * min_count * parts.len() as u64 > wanted, "{} of {}", n_kept, wanted);
        }
    }
}

/// An owner, and the rows that it said were before each place.
struct Listener {
    owner: Owner,
    heard: Vec<(Place, u64)>,
}

impl Party for Listener {
    type Error = std::convert::Infallible;

    fn totals(&mut self) -> Result<Totals, Self::Error> {
        self.owner.totals()
    }

    fn before(&mut self, place: Place) -> Result<Count, Self::Error> {
        let count = self.owner.before(place)?;
        self.heard.push((place, count.rows));
        Ok(count)
    }

    fn take(&mut self, place: Place, left: Count) -> Result<Taken, Self::Error> {
        self.owner.take(place, left)
    }
}

#[test]
fn places_are_ordered_as_scores_are_and_read_back() {
    let place = |score: f64, direction, tie| Place::of(Score::new(score).unwrap(), direction, tie);
    let scores = [-1e300, -2.5, -1e-300, 0.0, 1e-300, 2.5, 1e300];
    for pair in scores.windows(2) {
        assert!(place(pair[0], Direction::Ascending, u64::MAX) < place(pair[1], Direction::Ascending, 0));
        assert!(place(pair[0], Direction::Descending, 0) > place(pair[1], Direction::Descending, u64::MAX));
    }
    assert_eq!(place(-0.0, Direction::Ascending, 7), place(0.0, Direction::Ascending, 7));
    let some = place(0.25, Direction::Descending, 0xabc);
    assert_eq!(some.to_string().parse::<Place>().unwrap(), some);
    assert!("7".parse::<Place>().unwrap_err().contains("32 hexadecimal digits"));
}
