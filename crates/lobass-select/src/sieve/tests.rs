//! A sieve beside selecting from the whole table.

use std::error::Error;

use lobass_core::{ExampleKey, RowStatus, ScoreRecord, tie_break};
use proptest::prelude::{Strategy as _, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;
use crate::strategies;

struct Keys;

impl KeyHashes for Keys {
    fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Ok(rows.iter().map(|row| tie_break(&format!("k{row}"), seed)).collect())
    }

    fn of_all(&self, _: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Err("a sieve reads the hashes of few rows".into())
    }
}

/// Few different scores; some rows cannot be chosen, and some tables are of pairs.
fn records(kinds: &[u8], pairs: bool) -> Vec<ScoreRecord> {
    let record = |(&kind, row): (&u8, u64)| {
        let scored = ScoreRecord::scored(row, 1 + u32::from(kind % 3), 10.0, f64::from(kind % 5));
        let status = if kind % 11 == 10 { RowStatus::HeldOut } else { RowStatus::Ok };
        let rejected = lobass_core::RejectedRecord {
            n_tokens: 1 + u32::from(kind % 7),
            n_scored: 1,
            base: scored.base,
            reference: scored.reference,
        };
        ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            status,
            n_tokens: 2 + u32::from(kind % 4),
            rejected: pairs.then_some(rejected),
            ..scored
        }
    };
    kinds.iter().zip(0..).map(record).collect()
}

proptest! {
    #[test]
    fn pieces_in_any_order_give_what_the_whole_gives(
        kinds in prop::collection::vec(0u8..22, 1..120),
        budget in prop_oneof![
            (1u64..130).prop_map(Budget::Rows),
            (0u64..500).prop_map(Budget::Tokens),
            (0.01f64..1.0).prop_map(Budget::Fraction),
        ],
        cut in 1usize..40,
        backwards: bool,
        pairs: bool,
        seed: u64,
        ascending in any::<bool>(),
    ) {
        let records = records(&kinds, pairs);
        let whole = ScoreColumns::of(&records, seed);
        let mut pieces: Vec<(u64, ScoreColumns)> =
            records.chunks(cut).zip((0..).step_by(cut)).map(|(rows, first)| (first, ScoreColumns::of(rows, seed))).collect();
        if backwards {
            pieces.reverse();
        }
        for strategy in strategies::all().iter().copied().filter(|one| one.info().by_row) {
            let direction = ascending.then_some(Direction::Ascending);
            let request = Request { direction, ..Request::new(strategy, budget) };
            let sieve = Sieve::new(request, kinds.len() as u64, seed).unwrap();
            for (first_row, piece) in &pieces {
                sieve.add(*first_row, piece).unwrap();
            }
            let found = sieve.finish(&Keys).unwrap();
            match select(&whole, &request) {
                Ok(expected) => prop_assert_eq!(found.unwrap(), expected.selection),
                Err(_) => prop_assert!(found.is_none()),
            }
        }
    }

    #[test]
    fn a_strategy_by_row_gives_a_row_the_same_score_alone(kinds in prop::collection::vec(0u8..22, 2..20), pairs: bool) {
        let records = records(&kinds, pairs);
        let whole = ScoreColumns::of(&records, 0);
        for strategy in strategies::all().iter().copied().filter(|one| one.info().by_row) {
            let all = scores(&Inputs::new(&whole), strategy).unwrap();
            for (row, record) in records.iter().enumerate() {
                let alone = ScoreColumns::of(std::slice::from_ref(record), 0);
                let alone = scores(&Inputs::new(&alone), strategy).unwrap();
                prop_assert_eq!(all.get(row), alone.get(0), "{} {}", strategy.name(), row);
            }
        }
    }
}

#[test]
fn few_rows_are_held() {
    let sieve = Sieve::new(Request::new(&strategies::Longest, Budget::Rows(3)), 1000, 0).unwrap();
    for row in 0..1000 {
        let record = ScoreRecord::scored(row, 1 + u32::try_from(row).unwrap(), 1.0, 1.0);
        sieve.add(row, &ScoreColumns::of(&[record], 0)).unwrap();
        assert!(sieve.kept.lock().unwrap().len() <= 9);
    }
    let chosen = sieve.finish(&Keys).unwrap().unwrap();
    assert_eq!(chosen.selected.iter().map(|one| one.row).collect::<Vec<_>>(), [999, 998, 997]);
    assert_eq!((chosen.n_eligible, chosen.n_rows), (1000, 1000));
}

#[test]
fn what_needs_the_whole_table_has_no_sieve() {
    let of =
        |name| Sieve::new(Request::new(strategies::named(name).unwrap(), Budget::Rows(1)), 9, 0).is_some();
    assert!(of("lobass") && of("gap") && of("ifd") && of("longest"));
    for name in ["random", "perplexity-middle", "grape", "quality", "length-matched-random"] {
        assert!(!of(name), "{name}");
    }
    let shape = Shape { responses: crate::Responses::Best, ..Shape::default() };
    let request = Request { shape: &shape, ..Request::new(&strategies::Lobass, Budget::Rows(1)) };
    assert!(Sieve::new(request, 9, 0).is_none());
}
