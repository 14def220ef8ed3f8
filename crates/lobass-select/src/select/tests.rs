//! Strategies and budgets on tables that one can check by hand.

use std::collections::HashSet;

use lobass_core::{
    Budget, Direction, ExampleKey, Nll, RejectedRecord, RowStatus, ScoreColumns, ScoreRecord, Selection,
};
use proptest::prelude::{Strategy as _, prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::strategies::{
    self, Gap, GapSum, Lobass, Longest, PerplexityHigh, PerplexityLow, PerplexityMiddle, Quality, Random,
    RewardMargin,
};
use crate::{Ratings, Strategy};

fn record(row: u64, status: RowStatus, n_scored: u32, base: f64, reference: f64) -> ScoreRecord {
    let scored = ScoreRecord::scored(row, n_scored, base, reference);
    ScoreRecord {
        key: ExampleKey::new(format!("k{row}")),
        status,
        n_tokens: n_scored + 5,
        base: scored.base.filter(|_| status.is_scored()),
        reference: scored.reference.filter(|_| status.is_scored()),
        ..scored
    }
}

/// A pair by the loss reductions of its sides, each from 50 nats.
fn pair(row: u64, chosen: f64, rejected: f64) -> ScoreRecord {
    let nll = |sum| Some(Nll { sum, n_scored: 3 });
    let rejected =
        RejectedRecord { n_tokens: 30, n_scored: 3, base: nll(50.0), reference: nll(50.0 - rejected) };
    ScoreRecord { rejected: Some(rejected), ..ok(row, 3, 50.0, 50.0 - chosen) }
}

fn ok(row: u64, n_scored: u32, base: f64, reference: f64) -> ScoreRecord {
    record(row, RowStatus::Ok, n_scored, base, reference)
}

fn select_from(records: &[ScoreRecord], seed: u64, request: &Request<'_>) -> Result<Selection, SelectError> {
    Ok(select(&ScoreColumns::of(records, seed), request)?.selection)
}

fn rows(selection: &Selection) -> Vec<u64> {
    selection.selected.iter().map(|selected| selected.row).collect()
}

fn chosen(records: &[ScoreRecord], strategy: &dyn Strategy, budget: Budget) -> Vec<u64> {
    rows(&select_from(records, 1, &Request::new(strategy, budget)).unwrap())
}

fn rated(records: &[ScoreRecord], ratings: &Ratings) -> Result<Chosen, SelectError> {
    let columns = ScoreColumns::of(records, 0);
    let inputs = Inputs::new(&columns).with_ratings(ratings);
    select(inputs, &Request::new(&Quality, Budget::Rows(9)))
}

#[test]
fn each_score_by_hand() {
    // base/reference sums and lengths: relative drops .5, .75, .1; means 1, 3, .2; sums 10, 6, 20.
    let pool = [ok(0, 10, 20.0, 10.0), ok(1, 2, 8.0, 2.0), ok(2, 100, 200.0, 180.0)];
    let best = |strategy: &dyn Strategy| chosen(&pool, strategy, Budget::Rows(3));
    assert_eq!(best(&Lobass), [1, 0, 2]);
    assert_eq!(best(&Gap), [1, 0, 2]);
    assert_eq!(best(&GapSum), [2, 0, 1]);
    assert_eq!(best(&Longest), [2, 0, 1]);
    // Mean base losses are 2, 4, 2; the tie is broken by the hash.
    assert_eq!(best(&PerplexityHigh)[0], 1);
    assert_eq!(best(&PerplexityLow)[2], 1);
    let best = |ratings: &Ratings| rows(&rated(&pool, ratings).unwrap().selection);
    let ratings = Ratings { values: [Some(4.0), None, Some(4.5)].into_iter().collect(), at_least: None };
    assert_eq!(best(&ratings), [2, 0]);
    assert_eq!(best(&Ratings { at_least: Some(4.2), ..ratings }), [2]);
}

#[test]
fn ratings_that_are_no_use_are_counted() {
    let pool: Vec<_> = (0..6).map(|row| ok(row, 2, 4.0, 1.0)).collect();
    let values = [Some(4.0), None, Some(f64::INFINITY), Some(3.0), Some(f64::NEG_INFINITY), Some(5.0)];
    let ratings = Ratings { values: values.into_iter().collect(), at_least: Some(4.0) };
    let chosen = rated(&pool, &ratings).unwrap();
    assert_eq!(rows(&chosen.selection), [5, 0]);
    let why: Vec<_> = chosen.left_out.iter().map(|left| (left.why.as_str(), left.n_rows)).collect();
    assert_eq!(why, [("without a rating", 1), ("a rating that is not finite", 2), ("a rating below 4", 1)]);
}

#[test]
fn the_middle_of_equal_losses_is_drawn_by_the_seed() {
    let pool: Vec<_> = (0..9).map(|row| ok(row, 2, 4.0, 1.0)).collect();
    let first = |seed| {
        let found = select_from(&pool, seed, &Request::new(&PerplexityMiddle, Budget::Rows(1))).unwrap();
        (found.selected[0].row, found.selected[0].score.value().to_bits())
    };
    let found: HashSet<_> = (0..20).map(first).collect();
    assert!(found.len() > 3, "not by the place in the file: {found:?}");
    assert!(found.iter().all(|(_, score)| *score == 0.0f64.to_bits()), "all are the median");
}

#[test]
fn a_margin_is_the_difference_of_two_rewards() {
    let pool = [pair(0, 9.0, 8.0), pair(1, 3.0, -4.0), pair(2, 5.0, 7.0), ok(3, 1, 9.0, 0.0)];
    let request = Request::new(&RewardMargin, Budget::Rows(9));
    let selection = select_from(&pool, 1, &request).unwrap();
    let scores: Vec<_> = selection.selected.iter().map(|one| (one.row, one.score.value())).collect();
    assert_eq!(scores, [(1, 7.0), (0, 1.0), (2, -2.0)]);
    assert_eq!(selection.n_tokens, 3 * (8 + 30), "both sides are read");
    assert_eq!(chosen(&pool, &RewardMargin, Budget::Tokens(2 * 38)), [1, 0]);

    let single = [ok(0, 1, 9.0, 0.0)];
    let error = select_from(&single, 1, &request).unwrap_err();
    assert_eq!(error, SelectError::NoPairs { strategy: "reward-margin".to_owned() });
    let one_model = [ScoreRecord { reference: None, ..pair(0, 1.0, 0.0) }];
    let error = select_from(&one_model, 1, &request).unwrap_err();
    assert_eq!(error, SelectError::NoReference { strategy: "reward-margin".to_owned() });
}

#[test]
fn the_middle_is_around_the_median() {
    let pool: Vec<_> =
        [5.0, 1.0, 3.0, 9.0, 4.0].iter().zip(0..).map(|(&b, row)| ok(row, 1, b, 0.0)).collect();
    assert_eq!(chosen(&pool, &PerplexityMiddle, Budget::Rows(1)), [4]);
    let three: HashSet<u64> = chosen(&pool, &PerplexityMiddle, Budget::Rows(3)).into_iter().collect();
    assert_eq!(three, HashSet::from([0, 2, 4]));
}

#[test]
fn rows_without_numbers_are_never_chosen() {
    let pool = [
        ok(0, 1, 2.0, 1.0),
        record(1, RowStatus::Overlong, 0, 0.0, 0.0),
        record(4, RowStatus::HeldOut, 1, 2.0, 0.1),
        ok(2, 1, 0.0, 0.0),
        ok(3, 1, f64::NAN, 1.0),
    ];
    assert_eq!(chosen(&pool, &Lobass, Budget::Rows(9)), [0]);
    for &strategy in strategies::all() {
        if let Ok(selection) = select_from(&pool, 1, &Request::new(strategy, Budget::Rows(9))) {
            assert!(selection.selected.iter().all(|selected| selected.row != 1), "{strategy}");
        }
    }
}

#[test]
fn what_is_missing_is_said() {
    let one_model = [ScoreRecord { reference: None, ..ok(0, 1, 2.0, 1.0) }];
    let error = select_from(&one_model, 0, &Request::new(&Gap, Budget::Rows(1))).unwrap_err();
    assert_eq!(error, SelectError::NoReference { strategy: "gap".to_owned() });
    let error = rated(&one_model, &Ratings::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "strategy `quality`: expected candidates, found none among 1 rows: all rows with losses are left out: 1 \
         (without a rating)"
    );
    let nothing = [record(0, RowStatus::Overlong, 0, 0.0, 0.0)];
    let request = Request::new(&Longest, Budget::Rows(1));
    let error = select_from(&nothing, 0, &request).unwrap_err().to_string();
    assert!(error.ends_with("none among 1 rows: no row was scored"), "{error}");
}

#[test]
fn a_token_budget_stops_before_the_row_that_does_not_fit() {
    // Tokens are scored + 5: 15, 7, 105; in lobass order 1, 0, 2 that is 7, 22, 127.
    let pool = [ok(0, 10, 20.0, 10.0), ok(1, 2, 8.0, 2.0), ok(2, 100, 200.0, 180.0)];
    assert_eq!(chosen(&pool, &Lobass, Budget::Tokens(21)), [1]);
    assert_eq!(chosen(&pool, &Lobass, Budget::Tokens(22)), [1, 0]);
    assert_eq!(chosen(&pool, &Lobass, Budget::Tokens(6)), Vec::<u64>::new());
}

#[test]
fn the_direction_can_be_turned() {
    let pool = [ok(0, 1, 2.0, 1.0), ok(1, 1, 2.0, 0.0)];
    let request = Request { direction: Some(Direction::Ascending), ..Request::new(&Lobass, Budget::Rows(1)) };
    assert_eq!(select_from(&pool, 0, &request).unwrap().selected[0].row, 0);
}

fn any_pool() -> impl proptest::strategy::Strategy<Value = Vec<ScoreRecord>> {
    prop::collection::vec((1u32..20, 0u8..4, 0u8..4), 1..60).prop_map(|rows| {
        rows.iter()
            .zip(0..)
            .map(|(&(n, base, reference), row)| ok(row, n, f64::from(base), f64::from(reference)))
            .collect::<Vec<_>>()
    })
}

proptest! {
    #[test]
    fn a_budget_is_kept_and_its_prefix_too(pool in any_pool(), k in 1u64..60, tokens in 1u64..400, seed: u64) {
        for strategy in [&Lobass as &dyn Strategy, &GapSum, &Random, &Longest] {
            let of = |budget| select_from(&pool, seed, &Request::new(strategy, budget));
            let Ok(all) = of(Budget::Rows(1000)) else { continue };
            let some = of(Budget::Rows(k)).unwrap();
            prop_assert_eq!(some.selected.len() as u64, k.min(all.n_eligible));
            prop_assert_eq!(&some.selected[..], &all.selected[..some.selected.len()]);
            let by_tokens = of(Budget::Tokens(tokens)).unwrap();
            prop_assert!(by_tokens.n_tokens <= tokens);
            prop_assert_eq!(&by_tokens.selected[..], &all.selected[..by_tokens.selected.len()]);
        }
    }

    #[test]
    fn file_order_does_not_matter(pool in any_pool(), k in 1u64..60, seed: u64) {
        let mut turned = pool.clone();
        turned.reverse();
        for strategy in [&Lobass as &dyn Strategy, &PerplexityLow, &Random] {
            let request = Request::new(strategy, Budget::Rows(k));
            let keys = |pool: &[ScoreRecord]| {
                let key = |row: u64| pool[usize::try_from(row).unwrap()].key.clone();
                select_from(pool, seed, &request)
                    .map(|selection| selection.selected.iter().map(|s| key(s.row)).collect::<Vec<_>>())
            };
            prop_assert_eq!(keys(&pool), keys(&turned));
        }
    }

    #[test]
    fn random_is_random(seed: u64) {
        let pool: Vec<_> = (0..400).map(|row| ok(row, 1, 1.0, 0.5)).collect();
        let first = chosen_with(&pool, seed);
        prop_assert_eq!(&first, &chosen_with(&pool, seed));
        let shared = chosen_with(&pool, seed.wrapping_add(1)).intersection(&first).count();
        prop_assert!((60..140).contains(&shared), "{} of 200 are shared, 100 expected", shared);
    }
}

fn chosen_with(pool: &[ScoreRecord], seed: u64) -> HashSet<u64> {
    let request = Request::new(&Random, Budget::Fraction(0.5));
    rows(&select_from(pool, seed, &request).unwrap()).into_iter().collect()
}
