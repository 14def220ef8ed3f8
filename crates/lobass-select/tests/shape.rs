//! Shapes of selections.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;

use lobass_core::{Budget, Direction, Numbers, RowStatus, ScoreColumns};
use lobass_select::strategies::{
    self, Gap, GapSum, Grape, LengthMatchedRandom, Lobass, Longest, PerplexityHigh, PerplexityLow, Quality,
    Random,
};
use lobass_select::{
    Chosen, Exclusion, Groups, Guards, Inputs, Quota, Request, Responses, SelectError, Shape, Shares, Strata,
    Strategy, Winner, select, summarize,
};
use proptest::prelude::{Strategy as _, prop, prop_assert_eq, proptest};

/// Rows of a pool: scored tokens, and the losses under base, reference, and base without a prompt.
fn pool(rows: &[(u32, f64, f64, f64)]) -> ScoreColumns {
    let losses = |loss: fn(&(u32, f64, f64, f64)) -> f64| rows.iter().map(|row| Some(loss(row))).collect();
    let columns: [(&str, Numbers); 3] = [
        ("base", losses(|row| row.1)),
        ("reference", losses(|row| row.2)),
        ("base_unconditional", losses(|row| row.3)),
    ];
    ScoreColumns {
        statuses: vec![RowStatus::Ok; rows.len()],
        source_names: vec!["z".into(), "a".into()],
        sources: (0..rows.len()).map(|row| u32::from(row % 3 == 0)).collect(),
        n_tokens: rows.iter().map(|row| row.0 + 4).collect(),
        n_scored: rows.iter().map(|row| row.0).collect(),
        ties: (0..rows.len() as u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect(),
        losses: columns.into_iter().map(|(name, numbers)| (name.to_owned(), numbers)).collect(),
        ..ScoreColumns::default()
    }
}

fn rows(strategy: &dyn Strategy, n: u64) -> Request<'_> {
    Request::new(strategy, Budget::Rows(n))
}

/// A request for [`rows`] with a shape.
fn shaped<'a>(strategy: &'a dyn Strategy, n: u64, shape: &'a Shape) -> Request<'a> {
    Request { shape, ..rows(strategy, n) }
}

/// Random rows with the lengths of another selection.
fn lengths_of(other: &dyn Strategy, budget: Budget) -> Request<'_> {
    Request { lengths_of: Some(other), ..Request::new(&LengthMatchedRandom, budget) }
}

fn chosen(shaped: &Chosen) -> Vec<u64> {
    shaped.selection.selected.iter().map(|selected| selected.row).collect()
}

fn named(name: &str) -> &'static dyn Strategy {
    strategies::named(name).unwrap()
}

#[test]
fn how_much_a_prompt_helps_by_hand() {
    // A prompt that halves the loss, one that does nothing, one that misleads, and a response of no loss at all.
    let columns =
        pool(&[(10, 5.0, 1.0, 10.0), (10, 10.0, 1.0, 10.0), (10, 12.0, 1.0, 10.0), (10, 0.0, 0.0, 0.0)]);
    let of = |name: &str| select(&columns, &rows(named(name), 9)).unwrap();
    let scores = |shaped: &Chosen| -> Vec<f64> {
        shaped.selection.selected.iter().map(|selected| selected.score.value()).collect()
    };
    let ifd = of("ifd");
    assert_eq!((chosen(&ifd), scores(&ifd)), (vec![1, 0], vec![1.0, 0.5]));
    assert_eq!(ifd.left_out.len(), 2);
    assert_eq!(ifd.left_out[1].why, "without a score by this strategy");
    assert_eq!((ifd.left_out[0].n_rows, ifd.selection.n_eligible), (1, 2));
    assert!(ifd.left_out[0].why.contains("above 1"), "{:?}", ifd.left_out);
    let of_perplexity = of("superfiltering");
    assert_eq!(of_perplexity.selection.strategy, "ifd-perplexity");
    assert_eq!(chosen(&of_perplexity).len(), 3, "equal perplexities of nothing are a ratio of 1");
    assert!((scores(&of_perplexity)[2] - (-0.5f64).exp()).abs() < 1e-12);
    let pvi = of("pvi");
    assert_eq!(chosen(&pvi)[0], 0);
    assert!((scores(&pvi)[0] - 5.0 / std::f64::consts::LN_2).abs() < 1e-12);
    assert!(
        (scores(&pvi)[3] + 2.0 / std::f64::consts::LN_2).abs() < 1e-12,
        "a misleading prompt says less than nothing"
    );
}

#[test]
fn a_table_without_a_pass_says_which_one_is_missing() {
    let mut columns = pool(&[(10, 5.0, 1.0, 10.0)]);
    columns.losses.remove("base_unconditional");
    for name in ["ifd", "ifd-perplexity", "pvi"] {
        let error = select(&columns, &rows(named(name), 1)).unwrap_err();
        assert_eq!(error, SelectError::NoUnconditional { strategy: name.to_owned() });
        assert!(error.to_string().contains("--context unconditional"), "{error}");
    }
    let error = select(&columns, &rows(named("pvi-trained"), 1)).unwrap_err();
    assert_eq!(error, SelectError::NoNull { strategy: "pvi-trained".to_owned() });
    let error = select(&columns, &rows(&Grape, 1)).unwrap_err();
    assert_eq!(error, SelectError::NoPrompts { strategy: "grape".to_owned() });
    columns.losses.insert("base_unconditional".to_owned(), [Some(10.0)].into_iter().collect());
    let error = select(&columns, &rows(named("s-ifd"), 1)).unwrap_err();
    assert_eq!(error, SelectError::NoTokens { strategy: "s-ifd".to_owned() });
    columns.losses.remove("reference");
    let error = select(&columns, &lengths_of(&Lobass, Budget::Rows(1))).unwrap_err();
    assert_eq!(error, SelectError::NoReference { strategy: "lobass".to_owned() });
    let guards = Guards { max_reference_quantile: Some(0.9), ..Guards::default() };
    let error = select(&columns, &shaped(&Random, 1, &Shape { guards, ..Shape::default() }));
    assert_eq!(error.unwrap_err(), SelectError::UnguardedModel { model: "reference".into() });
}

#[test]
fn guards_leave_out_and_count() {
    // Short; nothing to learn; not learned by the reference either; good; good.
    let columns = pool(&[
        (1, 9.0, 0.1, 9.0),
        (50, 0.5, 0.1, 9.0),
        (50, 99.0, 95.0, 9.0),
        (50, 50.0, 20.0, 9.0),
        (50, 60.0, 40.0, 9.0),
    ]);
    let guards = Guards {
        min_scored: Some(2),
        min_base_loss: Some(0.1),
        max_reference_quantile: Some(0.5),
        shrinkage: None,
    };
    let found = select(&columns, &shaped(&Lobass, 9, &Shape { guards, ..Shape::default() })).unwrap();
    assert_eq!(chosen(&found), [3, 4]);
    let counts: Vec<u64> = found.left_out.iter().map(|left_out| left_out.n_rows).collect();
    assert_eq!(counts, [1, 1, 1], "{:?}", found.left_out);

    let guards = Guards { shrinkage: Some(100.0), ..Guards::default() };
    let shape = Shape { guards, ..Shape::default() };
    let found = select(&columns, &shaped(&Lobass, 1, &shape)).unwrap();
    assert_eq!(chosen(&found), [3]);
    assert!((found.selection.selected[0].score.value() - 30.0 / 150.0).abs() < 1e-12);
    let error = select(&columns, &shaped(&Gap, 1, &shape)).unwrap_err();
    assert_eq!(error, SelectError::Shrinkage { strategy: "gap".to_owned() });
}

#[test]
fn one_row_of_a_group() {
    // Rows 0 and 1 answer one prompt, rows 2 and 3 another.
    let columns =
        pool(&[(10, 10.0, 1.0, 9.0), (10, 20.0, 1.0, 9.0), (10, 30.0, 1.0, 9.0), (10, 25.0, 1.0, 9.0)]);
    let groups = |winner| Groups { share: "the same prompt".into(), of: vec![0, 0, 2, 2], winner };
    let shape = |winner| Shape { groups: vec![groups(winner)], ..Shape::default() };
    let best = select(&columns, &shaped(&Lobass, 9, &shape(Winner::BestRanked))).unwrap();
    assert_eq!(chosen(&best), [2, 1]);
    assert_eq!(best.left_out[0].why, "a better row has the same prompt");
    assert_eq!(best.left_out[0].n_rows, 2);
    let probable = select(&columns, &shaped(&Lobass, 9, &shape(Winner::MostProbable))).unwrap();
    assert_eq!(chosen(&probable), [3, 0], "GRAPE picks the response, LoBaSS ranks the prompts");
    let prompts = Inputs::new(&columns).with_prompts(&[0, 0, 2, 2]);
    let grape = select(prompts, &rows(&Grape, 9)).unwrap();
    assert_eq!(chosen(&grape), [0, 3]);
    // The same by prompts that come with the inputs.
    let of = |responses| {
        let shape = Shape { responses, ..Shape::default() };
        select(prompts, &shaped(&Lobass, 9, &shape)).unwrap()
    };
    assert_eq!((of(Responses::Best), of(Responses::MostProbable)), (best, probable));
    assert_eq!(of(Responses::AsStrategy).selection.selected.len(), 4);
    let shape = Shape { responses: Responses::Best, ..Shape::default() };
    let error = select(&columns, &shaped(&Lobass, 9, &shape)).unwrap_err();
    assert_eq!(error, SelectError::NoPrompts { strategy: "lobass".to_owned() });
}

#[test]
fn a_turned_strategy_still_takes_the_best_response_of_each_prompt() {
    // Two prompts of two responses each. GRAPE's best response is the more probable one; of the others, the one with
    // the larger gain, here a rating, is the best.
    let columns =
        pool(&[(10, 10.0, 1.0, 9.0), (10, 20.0, 1.0, 9.0), (10, 30.0, 1.0, 9.0), (10, 25.0, 1.0, 9.0)]);
    let groups = |winner| Groups { share: "the same prompt".into(), of: vec![0, 0, 2, 2], winner };
    let gains = lobass_select::Ratings {
        values: [Some(0.1), Some(0.4), Some(0.3), Some(0.2)].into_iter().collect(),
        at_least: None,
    };
    let inputs = Inputs::new(&columns).with_prompts(&[0, 0, 2, 2]).with_ratings(&gains);
    let of = |strategy: &dyn Strategy, groups, direction| {
        let shape = Shape { groups, ..Shape::default() };
        let request = Request { direction: Some(direction), ..shaped(strategy, 9, &shape) };
        chosen(&select(inputs, &request).unwrap())
    };
    assert_eq!(of(&Grape, vec![], Direction::Ascending), [0, 3]);
    assert_eq!(of(&Grape, vec![], Direction::Descending), [3, 0], "the same responses, turned round");
    let best = || vec![groups(Winner::First(Direction::Descending))];
    assert_eq!(of(&Quality, best(), Direction::Descending), [1, 2]);
    assert_eq!(of(&Quality, best(), Direction::Ascending), [2, 1]);
    assert_eq!(
        of(&Quality, vec![groups(Winner::BestRanked)], Direction::Ascending),
        [0, 3],
        "the best by the end that is kept"
    );
}

#[test]
fn a_summary_is_of_the_scores_that_were_ranked() {
    // Plain scores fall with length, shrunken ones rise with it.
    let columns =
        pool(&[(1, 2.0, 0.5, 9.0), (10, 20.0, 8.0, 9.0), (40, 80.0, 40.0, 9.0), (90, 180.0, 99.0, 9.0)]);
    let of = |guards| {
        let shape = Shape { guards, ..Shape::default() };
        summarize(&columns, &select(&columns, &shaped(&Lobass, 2, &shape)).unwrap(), 2)
    };
    assert_eq!(of(Guards::default()).length_correlation, Some(-1.0));
    let shrunken = of(Guards { shrinkage: Some(1000.0), ..Guards::default() });
    assert_eq!(shrunken.length_correlation, Some(1.0));
    assert_eq!(shrunken.kept_scores, Some((81.0 / 1180.0, 40.0 / 1080.0)));
    // Ratios above 1 are no candidates: of the others the longer one scores less, of all rows the longer ones more.
    let columns = pool(&[(1, 5.0, 1.0, 9.0), (2, 4.0, 1.0, 9.0), (3, 10.0, 1.0, 9.0), (4, 11.0, 1.0, 9.0)]);
    let found = select(&columns, &rows(named("ifd"), 9)).unwrap();
    assert_eq!(summarize(&columns, &found, 2).length_correlation, Some(-1.0));
    assert_eq!(found.scores.iter().flatten().count() as u64, found.selection.n_eligible);
    // Rows that a guard leaves out were not ranked.
    let guards = Guards { min_scored: Some(3), ..Guards::default() };
    let found = select(&columns, &shaped(&PerplexityHigh, 1, &Shape { guards, ..Shape::default() })).unwrap();
    assert_eq!(
        found.scores.iter().map(|score| score.is_some()).collect::<Vec<_>>(),
        [false, false, true, true]
    );
}

#[test]
fn ties_at_the_border_are_counted() {
    let columns = pool(&[
        (5, 9.0, 1.0, 9.0),
        (3, 9.0, 1.0, 9.0),
        (3, 9.0, 1.0, 9.0),
        (3, 9.0, 1.0, 9.0),
        (1, 9.0, 1.0, 9.0),
    ]);
    let ties = |n: u64, strategy: &dyn Strategy| {
        let found = select(&columns, &rows(strategy, n)).unwrap();
        summarize(&columns, &found, 2).ties.map(|ties| (ties.score, ties.n_candidates, ties.n_selected))
    };
    assert_eq!(ties(1, &Longest), None);
    assert_eq!(ties(2, &Longest), Some((3.0, 3, 1)));
    assert_eq!(ties(4, &Longest), None, "all of them are kept");
    assert_eq!(ties(9, &Longest), None);
    assert_eq!(ties(2, &GapSum), Some((8.0, 5, 2)), "a constant");
    assert_eq!(ties(2, &Random), None);
}

#[test]
fn lengths_are_matched_among_the_rows_that_groups_leave() {
    // Two prompts, each with a short and a long response; the longest rows are the long ones, whatever is drawn.
    let columns = pool(&[(3, 9.0, 1.0, 9.0), (90, 9.0, 1.0, 9.0), (4, 9.0, 1.0, 9.0), (80, 9.0, 1.0, 9.0)]);
    let groups = Groups { share: "the same prompt".into(), of: vec![0, 0, 2, 2], winner: Winner::BestRanked };
    let shape = Shape { groups: vec![groups], ..Shape::default() };
    let request = Request { shape: &shape, ..lengths_of(&Longest, Budget::Rows(2)) };
    for seed in 0..8u64 {
        let ties = (0..4).map(|row: u64| (row + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let drawn = select(&ScoreColumns { ties, ..columns.clone() }, &request).unwrap();
        assert_eq!(BTreeSet::from_iter(chosen(&drawn)), BTreeSet::from([1, 3]), "{seed}");
        assert_eq!((drawn.selection.n_eligible, drawn.left_out[0].n_rows), (2, 2));
    }
}

#[test]
fn exclusions_are_counted_for_the_first_reason() {
    let columns = pool(&[(10, 10.0, 1.0, 9.0), (10, 20.0, 1.0, 9.0), (10, 30.0, 1.0, 9.0)]);
    let exclusion = |why: &str, rows: [bool; 3]| Exclusion { why: why.into(), rows: rows.into() };
    let exclusions = vec![exclusion("refusal", [true, true, false]), exclusion("echo", [false, true, false])];
    let shape = Shape { exclusions, ..Shape::default() };
    let found = select(&columns, &shaped(&Longest, 9, &shape)).unwrap();
    assert_eq!(chosen(&found), [2]);
    assert_eq!(found.left_out.len(), 1, "{:?}", found.left_out);
    let none = Shape { exclusions: vec![exclusion("all", [true; 3])], ..Shape::default() };
    let error = select(&columns, &shaped(&Longest, 9, &none)).unwrap_err();
    assert!(matches!(error, SelectError::NothingEligible { n_rows: 3, .. }));
    let guards = Guards { min_scored: Some(99), ..Guards::default() };
    let error = select(&columns, &shaped(&Longest, 9, &Shape { guards, ..Shape::default() }));
    let said = error.unwrap_err().to_string();
    assert!(said.ends_with("all rows with losses are left out: 3 (fewer than 99 scored tokens)"), "{said}");
}

#[test]
fn temperatures_by_hand() {
    // Source `a` has 3 of 9 rows, source `z` has 6.
    let columns = pool(&[(10, 10.0, 1.0, 9.0); 9]);
    let share = |temperature: f64, n: u64| {
        let strata = Strata::of_sources(&columns);
        let quota = Some(Quota { strata, shares: Shares::Temperature(temperature) });
        let found = select(&columns, &shaped(&Random, n, &Shape { quota, ..Shape::default() })).unwrap();
        found.strata.iter().map(|stratum| (stratum.name.clone(), stratum.n_selected)).collect::<Vec<_>>()
    };
    let of = |a, z| vec![("a".to_owned(), a), ("z".to_owned(), z)];
    assert_eq!(share(1.0, 3), of(1, 2));
    assert_eq!(share(f64::INFINITY, 4), of(2, 2));
    assert_eq!(share(f64::INFINITY, 8), of(3, 5), "what one has no rows for goes to the other");
    assert_eq!(share(0.5, 5), of(1, 4), "below 1 the larger part gets more than its share");
}

#[test]
fn random_rows_have_the_lengths_of_another_selection() {
    let long = |row: u32| {
        (row % 100 + 1, if row % 100 > 80 { 100.0 + f64::from(row / 100) } else { 10.0 }, 9.0, 9.0)
    };
    let columns = pool(&(0..2000).map(long).collect::<Vec<_>>());
    let budget = Budget::Fraction(0.05);
    let mean = |request: &Request<'_>| {
        let selection = select(&columns, request).unwrap().selection;
        assert_eq!(selection.selected.len(), 100);
        let row = |row: u64| usize::try_from(row).unwrap();
        let lengths = selection.selected.iter().map(|s| f64::from(columns.n_scored[row(s.row)]));
        (lengths.sum::<f64>() / 100.0, selection.selected.iter().map(|s| s.row).collect::<BTreeSet<_>>())
    };
    let (lobass, best) = mean(&Request::new(&Lobass, budget));
    let (matched, other) = mean(&lengths_of(&Lobass, budget));
    let (random, _) = mean(&Request::new(&Random, budget));
    assert!((lobass - matched).abs() < 2.0, "{lobass} {matched}");
    assert!((lobass - random).abs() > 20.0, "{lobass} {random}");
    assert!(best.intersection(&other).count() < 60, "other rows of those lengths");
}

#[test]
fn random_rows_of_other_lengths_keep_to_a_token_budget() {
    let row = |at: u32| (at * 7 % 40 + 1, f64::from(at * 13 % 50) + 1.0, f64::from(at * 5 % 17), 9.0);
    let columns = pool(&(0..200).map(row).collect::<Vec<_>>());
    for (seed, budget) in (0..30u64).zip((1..200).map(|step| 10 * step)) {
        let ties = (0..200).map(|row: u64| (row + 1000 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let columns = ScoreColumns { ties, ..columns.clone() };
        for other in [&Lobass as &dyn Strategy, &GapSum, &PerplexityLow] {
            let found = select(&columns, &lengths_of(other, Budget::Tokens(budget))).unwrap();
            let n_tokens = found.selection.n_tokens;
            assert!(n_tokens <= budget, "{other}: {n_tokens} of {budget}");
        }
    }
}

#[test]
fn random_rows_of_other_lengths_keep_to_a_quota() {
    // A third of the rows are of source `a`, and they are the long ones.
    let columns = pool(
        &(0..300).map(|at| (if at % 3 == 0 { 40 } else { 8 }, f64::from(at), 1.0, 9.0)).collect::<Vec<_>>(),
    );
    let quota = Some(Quota { strata: Strata::of_sources(&columns), shares: Shares::Given(vec![3.0, 1.0]) });
    let shape = Shape { quota, ..Shape::default() };
    let request = Request { shape: &shape, ..lengths_of(&GapSum, Budget::Rows(40)) };
    let drawn = select(&columns, &request).unwrap();
    let of = |shaped: &Chosen| shaped.strata.iter().map(|part| part.n_selected).collect::<Vec<_>>();
    assert_eq!(of(&drawn), [30, 10]);
    assert_eq!(chosen(&drawn).iter().filter(|&&row| row % 3 == 0).count(), 30);
    assert_eq!(of(&select(&columns, &shaped(&GapSum, 40, &shape)).unwrap()), [30, 10]);
}

#[test]
fn lengths_are_those_of_the_end_that_is_kept() {
    // What the base knows is short, what it does not is long.
    let columns = pool(&(1..=100).map(|n| (n, f64::from(n * n), 1.0, 9.0)).collect::<Vec<_>>());
    let mean = |direction| {
        let request = Request { direction, ..lengths_of(&PerplexityLow, Budget::Rows(10)) };
        summarize(&columns, &select(&columns, &request).unwrap(), 2).mean_scored_tokens.1
    };
    assert!(mean(None) < 12.0 && mean(Some(Direction::Ascending)) < 12.0);
    assert!(mean(Some(Direction::Descending)) > 88.0);
}

fn any_pool() -> impl proptest::strategy::Strategy<Value = Vec<(u32, f64, f64, f64)>> {
    let loss = || (0u8..6).prop_map(f64::from);
    prop::collection::vec((1u32..20, loss(), loss(), loss()), 1..80)
}

proptest! {
    #[test]
    fn a_quota_of_one_part_changes_nothing(table in any_pool(), n in 1u64..60, tokens in 1u64..600) {
        let columns = pool(&table);
        let strata = Strata { names: vec!["all".into()], of: vec![0; table.len()] };
        let shape = Shape { quota: Some(Quota { strata, shares: Shares::Temperature(1.0) }), ..Shape::default() };
        for budget in [Budget::Rows(n), Budget::Tokens(tokens), Budget::Fraction(0.3)] {
            for strategy in [&PerplexityHigh as &dyn Strategy, &Longest, &Random] {
                let request = Request::new(strategy, budget);
                let plain = select(&columns, &request).unwrap();
                let found = select(&columns, &Request { shape: &shape, ..request }).unwrap();
                prop_assert_eq!(plain.selection, found.selection);
            }
        }
    }

    #[test]
    fn parts_get_the_best_of_their_own(table in any_pool(), n in 1u64..60, bins in 1usize..6) {
        let columns = pool(&table);
        let scores: Numbers = table.iter().map(|_| Some(0.0)).collect();
        let strata = Strata::of_lengths(&columns, &scores, bins);
        let quota = Some(Quota { strata: strata.clone(), shares: Shares::Temperature(1.0) });
        let shape = Shape { quota, ..Shape::default() };
        let shaped = select(&columns, &shaped(&PerplexityHigh, n, &shape)).unwrap();
        prop_assert_eq!(shaped.selection.selected.len() as u64, n.min(table.len() as u64));
        let all = select(&columns, &rows(&PerplexityHigh, 1000)).unwrap().selection;
        for (part, share) in shaped.strata.iter().enumerate() {
            let in_part = |row: u64| strata.of[usize::try_from(row).unwrap()] as usize == part;
            let best: Vec<u64> = all.selected.iter().map(|s| s.row).filter(|&row| in_part(row)).collect();
            let found: Vec<u64> = chosen(&shaped).into_iter().filter(|&row| in_part(row)).collect();
            prop_assert_eq!(found.len() as u64, share.n_selected);
            prop_assert_eq!(&best[..found.len()], &found[..]);
        }
    }
}
