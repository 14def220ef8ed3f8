//! Selections that are chosen as sets, through the same door as all others.

use std::collections::BTreeSet;

use lobass_core::{Budget, Direction, Numbers, RowStatus, ScoreColumns};
use lobass_select::diverse::Vectors;
use lobass_select::strategies::{PerplexityHigh, S2l};
use lobass_select::{
    Chosen, Inputs, Quota, Request, SelectError, Sets, Shape, Shares, Strata, Variety, select,
};

/// Rows with losses under the base and after each of two epochs, by name.
fn pool(rows: &[[f64; 3]]) -> ScoreColumns {
    let column = |at: usize| rows.iter().map(|row| Some(row[at])).collect::<Numbers>();
    let names = ["base", "reference_epoch1", "reference"];
    ScoreColumns {
        statuses: vec![RowStatus::Ok; rows.len()],
        source_names: vec!["a".into(), "b".into()],
        sources: (0..rows.len()).map(|row| u32::from(row % 2 == 1)).collect(),
        n_tokens: vec![5; rows.len()],
        n_scored: vec![1; rows.len()],
        ties: (0..rows.len() as u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect(),
        losses: names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), column(at))).collect(),
        ..ScoreColumns::default()
    }
}

fn s2l(n: u64) -> Request<'static> {
    Request::new(&S2l, Budget::Rows(n))
}

fn sets<'a>(values: &'a [f32], variety: Variety<'a>) -> Sets<'a> {
    Sets { vectors: Vectors::new(values, 2), variety, threads: 2 }
}

#[test]
fn clusters_of_trajectories_get_equal_shares() {
    // Three rows that are never learned, nine that are learned at once, and thirty that were known.
    let kinds = [(3, [9.0, 9.0, 9.0]), (9, [9.0, 1.0, 0.5]), (30, [0.1, 0.1, 0.1])];
    let all: Vec<[f64; 3]> = kinds.iter().flat_map(|(n, losses)| vec![*losses; *n]).collect();
    let columns = pool(&all);
    let epochs = ["base", "reference_epoch1", "reference"].map(str::to_owned);
    let inputs = Inputs::new(&columns).with_epochs(&epochs);
    let shaped = select(inputs, &s2l(12)).unwrap();
    let chosen: Vec<u64> = shaped.selection.selected.iter().map(|selected| selected.row).collect();
    let of = |range: std::ops::Range<u64>| chosen.iter().filter(|row| range.contains(row)).count();
    assert_eq!((of(0..3), of(3..12), of(12..42)), (3, 5, 4), "{chosen:?}");
    let clusters: BTreeSet<String> =
        shaped.selection.selected.iter().map(|selected| selected.score.to_string()).collect();
    assert_eq!(clusters.len(), 3);
    // Every candidate has the number of its cluster, not the kept ones alone.
    let numbers = |range: std::ops::Range<usize>| -> BTreeSet<u64> {
        shaped.scores.iter().skip(range.start).take(range.len()).map(|one| one.unwrap().to_bits()).collect()
    };
    let expected = |number: f64| BTreeSet::from([number.to_bits()]);
    assert_eq!([numbers(0..3), numbers(3..12), numbers(12..42)], [0.0, 1.0, 2.0].map(expected));
    for direction in [Direction::Ascending, Direction::Descending] {
        let turned = Request { direction: Some(direction), ..s2l(12) };
        let error = select(inputs, &turned).unwrap_err();
        assert_eq!(error, SelectError::Direction { strategy: "s2l".to_owned(), from: "clusters" });
    }

    let quota =
        Some(Quota { strata: Strata::of_sources(&columns), shares: Shares::Temperature(f64::INFINITY) });
    let shape = Shape { quota, ..Shape::default() };
    let by_source = select(inputs, &Request { shape: &shape, ..s2l(12) }).unwrap();
    assert_eq!(by_source.strata.iter().map(|part| part.n_selected).collect::<Vec<_>>(), [6, 6]);

    let error = select(inputs.with_epochs(&epochs[..1]), &s2l(1)).unwrap_err();
    assert!(matches!(error, SelectError::NoTrajectory { .. }), "{error}");
    let values = vec![1.0; 2 * all.len()];
    let differ = Some(sets(&values, Variety::CosineBound(0.9)));
    let error = select(inputs, &Request { sets: differ, ..s2l(1) });
    assert!(matches!(error.unwrap_err(), SelectError::TwoSets { .. }));
}

#[test]
fn rows_that_are_alike_are_passed_over() {
    // Base losses rank them 3, 2, 1, 0; rows 2 and 3 say the same, and row 1 has no vector.
    let columns = pool(&[[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0], [4.0, 0.0, 0.0]]);
    let values = [1.0, 0.0, f32::NAN, f32::NAN, 0.02, 1.0, 0.0, 1.0];
    let high = |n| Request::new(&PerplexityHigh, Budget::Rows(n));
    let choose = |budget, variety| {
        let request = Request { budget, sets: Some(sets(&values, variety)), ..high(0) };
        select(&columns, &request).unwrap()
    };
    let chosen = |shaped: &Chosen| -> Vec<u64> {
        shaped.selection.selected.iter().map(|selected| selected.row).collect()
    };
    let bound = choose(Budget::Rows(3), Variety::CosineBound(0.9));
    assert_eq!(chosen(&bound), [3, 0]);
    assert!(
        (bound.selection.selected[0].score.value() - 4.0f64.exp()).abs() < 1e-9,
        "the strategy's own score"
    );
    assert_eq!((bound.left_out[0].why.as_str(), bound.left_out[0].n_rows), ("without a vector", 1));
    assert_eq!(chosen(&choose(Budget::Tokens(9), Variety::CosineBound(0.9))), [3], "of five tokens each");
    let centers = choose(Budget::Rows(2), Variety::KCenter { out_of: 9.0 });
    assert_eq!(chosen(&centers).into_iter().collect::<BTreeSet<_>>().len(), 2);
    assert!(chosen(&centers).contains(&0), "the one that is like no other: {centers:?}");
    let best_two = choose(Budget::Rows(2), Variety::KCenter { out_of: 1.0 });
    assert_eq!(chosen(&best_two).into_iter().collect::<BTreeSet<_>>(), [2, 3].into(), "out of the best two");
    let facility = choose(Budget::Rows(2), Variety::FacilityLocation { out_of: 9.0, n_witnesses: 4 });
    assert!(chosen(&facility).contains(&0));
    let tasks = [Vectors::new(&[1.0, 0.1], 2), Vectors::new(&[0.1, 1.0], 2)];
    let robin = choose(Budget::Rows(2), Variety::RoundRobin { tasks: &tasks });
    assert_eq!(chosen(&robin)[0], 0);
    let robin = Some(sets(&values, Variety::RoundRobin { tasks: &tasks }));
    let request = Request { direction: Some(Direction::Ascending), sets: robin, ..high(2) };
    let error = select(&columns, &request).unwrap_err();
    assert!(error.to_string().contains("tasks in turn, so it cannot be turned round"), "{error}");
    let no_vectors = [f32::NAN; 8];
    let none = Some(sets(&no_vectors, Variety::CosineBound(0.9)));
    let error = select(&columns, &Request { sets: none, ..high(2) }).unwrap_err();
    assert!(error.to_string().ends_with("4 (without a vector)"), "{error}");
}
