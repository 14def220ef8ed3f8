//! What a selection looks like beside its budget.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;

use lobass_core::{Budget, Numbers, RowStatus, ScoreColumns};
use lobass_select::{
    Band, Exclusion, Groups, Guards, Quota, Request, SelectError, Shape, Shaped, Shares, Strata, Strategy,
    Winner, select, select_shaped,
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

fn rows(n: u64) -> Request {
    Request { budget: Budget::Rows(n), direction: None }
}

fn chosen(shaped: &Shaped) -> Vec<u64> {
    shaped.selection.selected.iter().map(|selected| selected.row).collect()
}

fn named(name: &str) -> Strategy {
    Strategy::from_name(name).unwrap()
}

#[test]
fn how_much_a_prompt_helps_by_hand() {
    // A prompt that halves the loss, one that does nothing, one that misleads, and a response of no loss at all.
    let columns =
        pool(&[(10, 5.0, 1.0, 10.0), (10, 10.0, 1.0, 10.0), (10, 12.0, 1.0, 10.0), (10, 0.0, 0.0, 0.0)]);
    let of = |name: &str| select_shaped(&columns, &named(name), &rows(9), &Shape::default()).unwrap();
    let scores = |shaped: &Shaped| -> Vec<f64> {
        shaped.selection.selected.iter().map(|selected| selected.score.value()).collect()
    };
    let ifd = of("ifd");
    assert_eq!((chosen(&ifd), scores(&ifd)), (vec![1, 0], vec![1.0, 0.5]));
    assert_eq!(ifd.left_out.len(), 1);
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
        let error = select(&columns, &named(name), &rows(1)).unwrap_err();
        assert_eq!(error, SelectError::NoUnconditional { strategy: name.to_owned() });
        assert!(error.to_string().contains("--context unconditional"), "{error}");
    }
    let error = select(&columns, &named("grape"), &rows(1)).unwrap_err();
    assert_eq!(error, SelectError::NoPrompts { strategy: "grape".to_owned() });
    columns.losses.insert("base_unconditional".to_owned(), [Some(10.0)].into_iter().collect());
    let error = select(&columns, &named("s-ifd"), &rows(1)).unwrap_err();
    assert_eq!(error, SelectError::NoTokens { strategy: "s-ifd".to_owned() });
    columns.losses.remove("reference");
    let error = select(&columns, &named("length-matched-random"), &rows(1)).unwrap_err();
    assert_eq!(error, SelectError::NoReference { strategy: "lobass".to_owned() });
    let guards = Guards { max_reference_quantile: Some(0.9), ..Guards::default() };
    let error = select_shaped(&columns, &named("random"), &rows(1), &Shape { guards, ..Shape::default() });
    assert_eq!(error.unwrap_err(), SelectError::UnguardedModel { model: "reference" });
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
    let shaped =
        select_shaped(&columns, &Strategy::Lobass, &rows(9), &Shape { guards, ..Shape::default() }).unwrap();
    assert_eq!(chosen(&shaped), [3, 4]);
    let counts: Vec<u64> = shaped.left_out.iter().map(|left_out| left_out.n_rows).collect();
    assert_eq!(counts, [1, 1, 1], "{:?}", shaped.left_out);

    let guards = Guards { shrinkage: Some(100.0), ..Guards::default() };
    let shape = Shape { guards, ..Shape::default() };
    let shaped = select_shaped(&columns, &Strategy::Lobass, &rows(1), &shape).unwrap();
    assert_eq!(chosen(&shaped), [3]);
    assert!((shaped.selection.selected[0].score.value() - 30.0 / 150.0).abs() < 1e-12);
    let error = select_shaped(&columns, &Strategy::Gap, &rows(1), &shape).unwrap_err();
    assert_eq!(error, SelectError::Shrinkage { strategy: "gap".to_owned() });
}

#[test]
fn one_row_of_a_group() {
    // Rows 0 and 1 answer one prompt, rows 2 and 3 another.
    let columns =
        pool(&[(10, 10.0, 1.0, 9.0), (10, 20.0, 1.0, 9.0), (10, 30.0, 1.0, 9.0), (10, 25.0, 1.0, 9.0)]);
    let groups = |winner| Groups { share: "the same prompt".into(), of: vec![0, 0, 2, 2], winner };
    let shape = |winner| Shape { groups: vec![groups(winner)], ..Shape::default() };
    let best = select_shaped(&columns, &Strategy::Lobass, &rows(9), &shape(Winner::BestRanked)).unwrap();
    assert_eq!(chosen(&best), [2, 1]);
    assert_eq!(best.left_out[0].why, "a better row has the same prompt");
    assert_eq!(best.left_out[0].n_rows, 2);
    let probable =
        select_shaped(&columns, &Strategy::Lobass, &rows(9), &shape(Winner::MostProbable)).unwrap();
    assert_eq!(chosen(&probable), [3, 0], "GRAPE picks the response, LoBaSS ranks the prompts");
    let grape = select_shaped(&columns, &Strategy::Grape, &rows(9), &shape(Winner::BestRanked)).unwrap();
    assert_eq!(chosen(&grape), [0, 3]);
}

#[test]
fn lengths_are_matched_among_the_rows_that_groups_leave() {
    // Two prompts, each with a short and a long response; the longest rows are the long ones, whatever is drawn.
    let columns = pool(&[(3, 9.0, 1.0, 9.0), (90, 9.0, 1.0, 9.0), (4, 9.0, 1.0, 9.0), (80, 9.0, 1.0, 9.0)]);
    let groups = Groups { share: "the same prompt".into(), of: vec![0, 0, 2, 2], winner: Winner::BestRanked };
    let shape = Shape { groups: vec![groups], ..Shape::default() };
    let strategy = Strategy::LengthMatchedRandom(Box::new(Strategy::Longest));
    for seed in 0..8u64 {
        let ties = (0..4).map(|row: u64| (row + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let drawn =
            select_shaped(&ScoreColumns { ties, ..columns.clone() }, &strategy, &rows(2), &shape).unwrap();
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
    let shaped = select_shaped(&columns, &Strategy::Longest, &rows(9), &shape).unwrap();
    assert_eq!(chosen(&shaped), [2]);
    assert_eq!(shaped.left_out.len(), 1, "{:?}", shaped.left_out);
    let none = Shape { exclusions: vec![exclusion("all", [true; 3])], ..Shape::default() };
    let error = select_shaped(&columns, &Strategy::Longest, &rows(9), &none).unwrap_err();
    assert!(matches!(error, SelectError::NothingEligible { n_rows: 3, .. }));
}

#[test]
fn temperatures_by_hand() {
    // Source `a` has 3 of 9 rows, source `z` has 6.
    let columns = pool(&[(10, 10.0, 1.0, 9.0); 9]);
    let share = |temperature: f64, n: u64| {
        let strata = Strata::of_sources(&columns);
        let quota = Some(Quota { strata, shares: Shares::Temperature(temperature) });
        let shaped =
            select_shaped(&columns, &Strategy::Random, &rows(n), &Shape { quota, ..Shape::default() })
                .unwrap();
        shaped.strata.iter().map(|stratum| (stratum.name.clone(), stratum.n_selected)).collect::<Vec<_>>()
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
    let budget = Request { budget: Budget::Fraction(0.05), direction: None };
    let mean = |strategy: &Strategy| {
        let selection = select(&columns, strategy, &budget).unwrap();
        assert_eq!(selection.selected.len(), 100);
        let row = |row: u64| usize::try_from(row).unwrap();
        let lengths = selection.selected.iter().map(|s| f64::from(columns.n_scored[row(s.row)]));
        (lengths.sum::<f64>() / 100.0, selection.selected.iter().map(|s| s.row).collect::<BTreeSet<_>>())
    };
    let (lobass, best) = mean(&Strategy::Lobass);
    let (matched, other) = mean(&named("length-matched-random"));
    let (random, _) = mean(&Strategy::Random);
    assert!((lobass - matched).abs() < 2.0, "{lobass} {matched}");
    assert!((lobass - random).abs() > 20.0, "{lobass} {random}");
    assert!(best.intersection(&other).count() < 60, "other rows of those lengths");
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
            let request = Request { budget, direction: None };
            for strategy in [Strategy::Perplexity(Band::High), Strategy::Longest, Strategy::Random] {
                let plain = select(&columns, &strategy, &request).unwrap();
                let shaped = select_shaped(&columns, &strategy, &request, &shape).unwrap();
                prop_assert_eq!(plain, shaped.selection);
            }
        }
    }

    #[test]
    fn parts_get_the_best_of_their_own(table in any_pool(), n in 1u64..60, bins in 1usize..6) {
        let columns = pool(&table);
        let scores: Numbers = table.iter().map(|_| Some(0.0)).collect();
        let strata = Strata::of_lengths(&columns, &scores, bins);
        let quota = Some(Quota { strata: strata.clone(), shares: Shares::Temperature(1.0) });
        let request = Request { budget: Budget::Rows(n), direction: None };
        let shaped =
            select_shaped(&columns, &Strategy::Perplexity(Band::High), &request, &Shape { quota, ..Shape::default() }).unwrap();
        prop_assert_eq!(shaped.selection.selected.len() as u64, n.min(table.len() as u64));
        let all = select(&columns, &Strategy::Perplexity(Band::High), &Request { budget: Budget::Rows(1000), direction: None }).unwrap();
        for (part, share) in shaped.strata.iter().enumerate() {
            let in_part = |row: u64| strata.of[usize::try_from(row).unwrap()] as usize == part;
            let best: Vec<u64> = all.selected.iter().map(|s| s.row).filter(|&row| in_part(row)).collect();
            let found: Vec<u64> = chosen(&shaped).into_iter().filter(|&row| in_part(row)).collect();
            prop_assert_eq!(found.len() as u64, share.n_selected);
            prop_assert_eq!(&best[..found.len()], &found[..]);
        }
    }
}
