//! Keeping the best within a budget.

use crate::best::{Best, Candidate, Limit, Ranking};
use crate::diverse::Vectors;
use crate::error::SelectError;
use crate::matched::length_matched;
use crate::needs;
use crate::parts::{StratumShare, best_of_each, sets_of_each};
use crate::sets::{Chooser, Sets};
use crate::shape::{LeftOut, Shape, leave_out};
use crate::strategy::Strategy;
use crate::trajectory::{clustered, features};
use lobass_core::{Budget, Direction, Numbers, Score, ScoreColumns, Selected, Selection};

/// How much to keep, and of which end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How much to keep.
    pub budget: Budget,
    /// The other end of the score than the strategy's own.
    pub direction: Option<Direction>,
}

/// A selection, and what its shape did.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaped {
    /// The chosen rows.
    pub selection: Selection,
    /// Rows with a score that were no candidates, and why.
    pub left_out: Vec<LeftOut>,
    /// What each part of the pool got, if there is a quota.
    pub strata: Vec<StratumShare>,
}

/// Ranks the rows of a table and keeps the best of them.
///
/// Equal scores are ordered by a seeded hash of the key, never by their place in the file. A token budget takes rows
/// in rank order and stops before the first that does not fit. If fewer rows are eligible than the budget asks for,
/// all of them are kept; [`Selection::n_eligible`] tells.
///
/// Linear in the rows for either kind of budget, and `k log k` in the rows that are kept. Beside the columns it takes
/// 8 bytes for each row of the table, and 32 for each that is kept, or 16 if that is most of them.
///
/// # Errors
/// [`SelectError::NoReference`], [`SelectError::NoUnconditional`], or [`SelectError::NoPairs`] if the strategy needs
/// losses or pairs and no row has any, [`SelectError::NothingEligible`] if no row has a score.
pub fn select(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
) -> Result<Selection, SelectError> {
    Ok(select_shaped(columns, strategy, request, &Shape::default())?.selection)
}

/// As [`select`], of rows that a [`Shape`] allows, and as much of each part of the pool as it says.
///
/// The parts of a budget are rounded by largest remainder; what a part has no rows for goes to the others by their
/// weights. With tokens, each part stops before the first row that does not fit into its share.
///
/// # Errors
/// As [`select`], and [`SelectError::UnguardedModel`] or [`SelectError::Shrinkage`] if a guard means nothing here.
pub fn select_shaped(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
    shape: &Shape,
) -> Result<Shaped, SelectError> {
    select_sets(columns, strategy, request, shape, None)
}

/// As [`select_shaped`], and rows differ as [`Sets`] say; they are in the order in which they were chosen. With a quota,
/// the rows of each part differ among themselves.
///
/// # Errors
/// As [`select_shaped`].
///
/// # Panics
/// If there is not a vector for each row.
pub fn select_sets(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
    shape: &Shape,
    sets: Option<Sets<'_>>,
) -> Result<Shaped, SelectError> {
    if let Strategy::LengthMatchedRandom(other) = strategy {
        if sets.is_some() {
            return Err(SelectError::TwoSets { strategy: strategy.to_string() });
        }
        let like = select_shaped(columns, other, &Request { direction: None, ..*request }, shape)?;
        let ranking = Ranking::new(columns, other.info().direction);
        let (scores, left_out) = candidates(columns, other, ranking, shape);
        let (ranked, n_eligible) = length_matched(columns, &scores, request.direction, &like.selection);
        let direction = request.direction.unwrap_or(strategy.info().direction);
        let selection = selection(columns, strategy, direction, request.budget, n_eligible, ranked);
        return Ok(Shaped { selection, left_out, strata: Vec::new() });
    }
    needs::check(columns, strategy, shape)?;
    let info = strategy.info();
    let n_rows = columns.len() as u64;
    let direction = request.direction.unwrap_or(info.direction);
    let ranking = Ranking::new(columns, direction);
    let (scores, mut left_out) = candidates(columns, strategy, ranking, shape);
    let n_eligible = scores.iter().flatten().count() as u64;
    if n_eligible == 0 {
        return Err(SelectError::NothingEligible { strategy: info.name.to_owned(), n_rows });
    }
    let features = clustered(strategy).map(|checkpoints| features(columns, checkpoints));
    let chooser = match (&features, sets) {
        (Some(_), Some(_)) => return Err(SelectError::TwoSets { strategy: info.name.to_owned() }),
        (Some((values, dim)), None) => Some(Chooser::Clusters(Vectors::new(values, *dim))),
        (None, sets) => sets.map(Chooser::Variety),
    };
    let (ranked, strata) = match (&chooser, &shape.quota) {
        (Some(chooser), quota) => {
            let quota = quota.as_ref();
            let (chosen, strata, n_without) =
                sets_of_each(columns, ranking, &scores, request.budget, quota, chooser);
            if n_without > 0 {
                left_out.push(LeftOut { why: "it has no vector".to_owned(), n_rows: n_without as u64 });
            }
            (chosen, strata)
        }
        (None, None) => {
            (best_of_all(ranking, &scores, limit(request.budget, n_rows), n_eligible), Vec::new())
        }
        (None, Some(quota)) => best_of_each(columns, ranking, &scores, request.budget, quota),
    };
    let selection = selection(columns, strategy, direction, request.budget, n_eligible, ranked);
    Ok(Shaped { selection, left_out, strata })
}

/// Every row with a score by rank: what a strategy says of a pool before a budget, a shape, or a set has a say.
///
/// `n log n` in the rows with a score.
pub fn rank(columns: &ScoreColumns, strategy: &Strategy, direction: Option<Direction>) -> Selection {
    let info = strategy.info();
    let direction = direction.unwrap_or(info.direction);
    let mut scores = strategy.scores(columns);
    above_ceiling(strategy, &mut scores);
    let n_eligible = scores.iter().flatten().count() as u64;
    let ranking = Ranking::new(columns, direction);
    let ranked = best_of_all(ranking, &scores, Limit::Rows(usize::MAX), n_eligible);
    let n_rows = columns.len() as u64;
    selection(columns, strategy, direction, Budget::Rows(n_rows), n_eligible, ranked)
}

fn selection(
    columns: &ScoreColumns,
    strategy: &Strategy,
    direction: Direction,
    budget: Budget,
    n_eligible: u64,
    ranked: Vec<Candidate>,
) -> Selection {
    let selected = |candidate: Candidate| Selected { row: candidate.at.into(), score: candidate.score };
    Selection {
        strategy: strategy.info().name.to_owned(),
        direction,
        budget,
        seed: columns.seed,
        n_rows: columns.len() as u64,
        n_eligible,
        n_tokens: ranked.iter().map(|candidate| columns.n_tokens_read(candidate.at as usize)).sum(),
        selected: ranked.into_iter().map(selected).collect(),
    }
}

/// The scores of rows that may be chosen, and why others may not.
fn candidates(
    columns: &ScoreColumns,
    strategy: &Strategy,
    ranking: Ranking<'_>,
    shape: &Shape,
) -> (Numbers, Vec<LeftOut>) {
    let mut scores = strategy.scores_with(columns, shape.guards.shrinkage);
    let mut left_out: Vec<LeftOut> = above_ceiling(strategy, &mut scores).into_iter().collect();
    left_out.extend(shape.apply(columns, ranking, &mut scores));
    left_out.retain(|left_out| left_out.n_rows > 0);
    (scores, left_out)
}

/// Takes scores away that mean that a strategy has nothing to say of a row.
fn above_ceiling(strategy: &Strategy, scores: &mut Numbers) -> Option<LeftOut> {
    let (most, meaning) = strategy.ceiling()?;
    let is_above: Vec<bool> = scores.iter().map(|score| score.is_some_and(|score| score > most)).collect();
    Some(leave_out(scores, format!("a score above {most}: {meaning}"), |row| is_above[row]))
}

/// The best rows of a pool.
fn best_of_all(ranking: Ranking<'_>, scores: &Numbers, limit: Limit, n_eligible: u64) -> Vec<Candidate> {
    let room = usize::try_from(n_eligible).expect("rows of the table");
    let mut best = Best::new(ranking, limit, room);
    for (row, score) in scores.iter().enumerate() {
        if let Some(score) = score.and_then(Score::new) {
            best.push(row, score);
        }
    }
    best.ranked()
}

/// Where ranking a whole pool stops.
pub(crate) fn limit(budget: Budget, n_rows: u64) -> Limit {
    match (budget, budget.row_limit(n_rows)) {
        (Budget::Tokens(tokens), _) => Limit::Tokens(tokens),
        (_, rows) => Limit::Rows(rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use lobass_core::{ExampleKey, Nll, RejectedRecord, RowStatus, ScoreRecord};
    use proptest::prelude::{Strategy as _, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::{Band, Ratings};

    fn record(row: u64, status: RowStatus, n_scored: u32, base: f64, reference: f64) -> ScoreRecord {
        let nll = |sum| status.is_scored().then_some(Nll { sum, n_scored: u64::from(n_scored) });
        ScoreRecord {
            row,
            key: ExampleKey::new(format!("k{row}")),
            status,
            reason: None,
            source: "s".to_owned(),
            n_tokens: n_scored + 5,
            n_scored,
            base: nll(base),
            reference: nll(reference),
            in_sample: None,
            fold: None,
            rejected: None,
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

    fn select_from(
        records: &[ScoreRecord],
        strategy: &Strategy,
        seed: u64,
        request: &Request,
    ) -> Result<Selection, SelectError> {
        select(&ScoreColumns::of(records, seed), strategy, request)
    }

    fn chosen(records: &[ScoreRecord], strategy: &Strategy, budget: Budget) -> Vec<u64> {
        let request = Request { budget, direction: None };
        let selection = select_from(records, strategy, 1, &request).unwrap();
        selection.selected.iter().map(|selected| selected.row).collect()
    }

    #[test]
    fn each_score_by_hand() {
        // base/reference sums and lengths: relative drops .5, .75, .1; means 1, 3, .2; sums 10, 6, 20.
        let pool = [ok(0, 10, 20.0, 10.0), ok(1, 2, 8.0, 2.0), ok(2, 100, 200.0, 180.0)];
        let best = |strategy| chosen(&pool, &strategy, Budget::Rows(3));
        assert_eq!(best(Strategy::Lobass), [1, 0, 2]);
        assert_eq!(best(Strategy::Gap), [1, 0, 2]);
        assert_eq!(best(Strategy::GapSum), [2, 0, 1]);
        assert_eq!(best(Strategy::Longest), [2, 0, 1]);
        // Mean base losses are 2, 4, 2; the tie is broken by the hash.
        assert_eq!(best(Strategy::Perplexity(Band::High))[0], 1);
        assert_eq!(best(Strategy::Perplexity(Band::Low))[2], 1);
        let ratings = Ratings { values: [Some(4.0), None, Some(4.5)].into_iter().collect(), at_least: None };
        assert_eq!(best(Strategy::Quality(ratings.clone())), [2, 0]);
        assert_eq!(best(Strategy::Quality(Ratings { at_least: Some(4.2), ..ratings })), [2]);
    }

    #[test]
    fn the_middle_of_equal_losses_is_drawn_by_the_seed() {
        let pool: Vec<_> = (0..9).map(|row| ok(row, 2, 4.0, 1.0)).collect();
        let first = |seed| {
            let request = Request { budget: Budget::Rows(1), direction: None };
            let found = select_from(&pool, &Strategy::Perplexity(Band::Middle), seed, &request).unwrap();
            (found.selected[0].row, found.selected[0].score.value().to_bits())
        };
        let found: HashSet<_> = (0..20).map(first).collect();
        assert!(found.len() > 3, "not by the place in the file: {found:?}");
        assert!(found.iter().all(|(_, score)| *score == 0.0f64.to_bits()), "all are the median");
    }

    #[test]
    fn a_margin_is_the_difference_of_two_rewards() {
        let pool = [pair(0, 9.0, 8.0), pair(1, 3.0, -4.0), pair(2, 5.0, 7.0), ok(3, 1, 9.0, 0.0)];
        let request = Request { budget: Budget::Rows(9), direction: None };
        let selection = select_from(&pool, &Strategy::RewardMargin, 1, &request).unwrap();
        let scores: Vec<_> = selection.selected.iter().map(|one| (one.row, one.score.value())).collect();
        assert_eq!(scores, [(1, 7.0), (0, 1.0), (2, -2.0)]);
        assert_eq!(selection.n_tokens, 3 * (8 + 30), "both sides are read");
        assert_eq!(chosen(&pool, &Strategy::RewardMargin, Budget::Tokens(2 * 38)), [1, 0]);

        let single = [ok(0, 1, 9.0, 0.0)];
        let error = select_from(&single, &Strategy::RewardMargin, 1, &request).unwrap_err();
        assert_eq!(error, SelectError::NoPairs { strategy: "reward-margin".to_owned() });
        let one_model = [ScoreRecord { reference: None, ..pair(0, 1.0, 0.0) }];
        let error = select_from(&one_model, &Strategy::RewardMargin, 1, &request).unwrap_err();
        assert_eq!(error, SelectError::NoReference { strategy: "reward-margin".to_owned() });
    }

    #[test]
    fn the_middle_is_around_the_median() {
        let pool: Vec<_> =
            [5.0, 1.0, 3.0, 9.0, 4.0].iter().zip(0..).map(|(&b, row)| ok(row, 1, b, 0.0)).collect();
        assert_eq!(chosen(&pool, &Strategy::Perplexity(Band::Middle), Budget::Rows(1)), [4]);
        let three: HashSet<u64> =
            chosen(&pool, &Strategy::Perplexity(Band::Middle), Budget::Rows(3)).into_iter().collect();
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
        assert_eq!(chosen(&pool, &Strategy::Lobass, Budget::Rows(9)), [0]);
        for strategy in Strategy::all() {
            let request = Request { budget: Budget::Rows(9), direction: None };
            if let Ok(selection) = select_from(&pool, &strategy, 1, &request) {
                assert!(selection.selected.iter().all(|selected| selected.row != 1), "{strategy}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let one_model = [ScoreRecord { reference: None, ..ok(0, 1, 2.0, 1.0) }];
        let request = Request { budget: Budget::Rows(1), direction: None };
        let error = select_from(&one_model, &Strategy::Gap, 0, &request).unwrap_err();
        assert_eq!(error, SelectError::NoReference { strategy: "gap".to_owned() });
        let error = select_from(&one_model, &Strategy::Quality(Ratings::default()), 0, &request).unwrap_err();
        assert_eq!(error, SelectError::NothingEligible { strategy: "quality".to_owned(), n_rows: 1 });
    }

    #[test]
    fn a_token_budget_stops_before_the_row_that_does_not_fit() {
        // Tokens are scored + 5: 15, 7, 105; in lobass order 1, 0, 2 that is 7, 22, 127.
        let pool = [ok(0, 10, 20.0, 10.0), ok(1, 2, 8.0, 2.0), ok(2, 100, 200.0, 180.0)];
        assert_eq!(chosen(&pool, &Strategy::Lobass, Budget::Tokens(21)), [1]);
        assert_eq!(chosen(&pool, &Strategy::Lobass, Budget::Tokens(22)), [1, 0]);
        assert_eq!(chosen(&pool, &Strategy::Lobass, Budget::Tokens(6)), Vec::<u64>::new());
    }

    #[test]
    fn the_direction_can_be_turned() {
        let pool = [ok(0, 1, 2.0, 1.0), ok(1, 1, 2.0, 0.0)];
        let request = Request { budget: Budget::Rows(1), direction: Some(Direction::Ascending) };
        assert_eq!(select_from(&pool, &Strategy::Lobass, 0, &request).unwrap().selected[0].row, 0);
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
            for strategy in [Strategy::Lobass, Strategy::GapSum, Strategy::Random, Strategy::Longest] {
                let of = |budget| select_from(&pool, &strategy, seed, &Request { budget, direction: None });
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
            for strategy in [Strategy::Lobass, Strategy::Perplexity(Band::Low), Strategy::Random] {
                let request = Request { budget: Budget::Rows(k), direction: None };
                let keys = |pool: &[ScoreRecord]| {
                    let key = |row: u64| pool[usize::try_from(row).unwrap()].key.clone();
                    select_from(pool, &strategy, seed, &request)
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
        let request = Request { budget: Budget::Fraction(0.5), direction: None };
        select_from(pool, &Strategy::Random, seed, &request)
            .unwrap()
            .selected
            .iter()
            .map(|selected| selected.row)
            .collect()
    }
}
