//! Regions by hand, against NumPy, and properties.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;

use lobass_core::Numbers;
use lobass_evidence::Bootstrap;
use lobass_regions::{
    Beside, Error, LossDrop, Losses, Region, Regions, RowPair, Settings, Side, Verdict, compare, measure,
};
use lobass_select::Strata;
use proptest::prelude::*;
use serde::Deserialize;

/// Columns that own their numbers.
#[derive(Debug, Clone)]
struct Pool {
    n_tokens: Vec<u32>,
    drops: Vec<Numbers>,
    hashes: Vec<u64>,
    region: Vec<String>,
}

impl Pool {
    fn new(n_tokens: &[u32], drops: &[&[f64]], region: &[&str]) -> Self {
        let column = |column: &&[f64]| column.iter().map(|&drop| Some(drop)).collect();
        Self {
            n_tokens: n_tokens.to_vec(),
            drops: drops.iter().map(column).collect(),
            hashes: (0..n_tokens.len() as u64).map(|row| row * 37 % 101).collect(),
            region: region.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn losses(&self) -> Losses<'_> {
        Losses { n_tokens: &self.n_tokens, drops: &self.drops, hashes: &self.hashes }
    }

    fn rows(&self) -> Vec<u32> {
        (0..u32::try_from(self.n_tokens.len()).unwrap()).collect()
    }

    fn strata(&self) -> Strata {
        Strata::of_values(self.region.iter().map(String::as_str))
    }

    fn measured(&self, settings: &Settings) -> Result<Regions, Error> {
        measure(&self.losses(), &self.strata(), &self.rows(), &Beside::default(), settings)
    }

    /// Every drop times a number.
    fn scaled(&self, by: f64) -> Self {
        let column = |drops: &Numbers| drops.iter().map(|drop| drop.map(|drop| by * drop)).collect();
        Self { drops: self.drops.iter().map(column).collect(), ..self.clone() }
    }
}

fn settings(n_resamples: u32, min_rows: usize) -> Settings {
    let bootstrap = Bootstrap { n_resamples, level: 0.95, seed: 3 };
    Settings { bootstrap, min_rows, threads: 2, ..Settings::default() }
}

fn region<'a>(found: &'a Regions, name: &str) -> &'a Region {
    found.regions.iter().find(|region| region.name == name).unwrap()
}

#[test]
fn by_hand() {
    // Two references; drops are sums over 2, 4, and 10 tokens.
    let pool =
        Pool::new(&[2, 4, 10, 3], &[&[4.0, 4.0, -10.0, 0.0], &[2.0, 0.0, -20.0, 3.0]], &["a", "a", "b", "a"]);
    let found = pool.measured(&settings(100, 2)).unwrap();
    let a = region(&found, "a");
    assert_eq!((a.n_rows, a.n_missing, a.n_tokens), (3, 0, 9));
    // (8/9 + 5/9) / 2, and the mean of (1.5, 0.5, 0.5) over rows.
    assert!((a.per_token.unwrap().value - 13.0 / 18.0).abs() < 1e-12);
    assert!((a.per_row.unwrap().value - 2.5 / 3.0).abs() < 1e-12);
    assert!((a.weight - 13.0 / 6.0).abs() < 1e-12);
    assert_eq!(
        a.most.iter().map(|shown| shown.row).collect::<Vec<_>>(),
        [0, 3],
        "of equal ones the smaller hash"
    );
    assert_eq!(a.least.iter().map(|shown| (shown.row, shown.drop)).collect::<Vec<_>>(), [(1, 0.5)]);
    // One row has a value and no interval.
    let b = region(&found, "b");
    assert_eq!((b.per_token, b.verdict), (Some(LossDrop { value: -1.5, interval: None }), Verdict::TooFew));
    assert_eq!((b.joint, b.holds_jointly), (None, false));
    assert_eq!((found.all.n_rows, found.all.n_tokens, found.n_references), (4, 19, 2));
    assert!(found.alike.is_none());
}

#[test]
fn rows_without_losses_are_counted_and_left_out() {
    let mut pool = Pool::new(&[1, 1, 0, 1], &[&[1.0, 1.0, 1.0, 1.0]], &["a"; 4]);
    pool.drops[0].set(1, None);
    let found = pool.measured(&settings(100, 2)).unwrap();
    let a = region(&found, "a");
    assert_eq!((a.n_rows, a.n_missing), (2, 2));
    assert_eq!(a.per_token.unwrap().interval, Some((1.0, 1.0)));
    // Rows that do not count are not counted as missing either.
    let found =
        measure(&pool.losses(), &pool.strata(), &[0, 1], &Beside::default(), &settings(100, 2)).unwrap();
    assert_eq!((found.all.n_rows, found.all.n_missing), (1, 1));
}

#[test]
fn parts_are_measured_apart() {
    let whole = Pool::new(&[4, 4, 4], &[&[2.0, 2.0, 2.0]], &["a"; 3]);
    let format = Pool::new(&[1, 2, 0], &[&[2.0, 4.0, 0.0]], &["a"; 3]);
    let content = Pool::new(&[3, 2, 4], &[&[0.0, -2.0, 2.0]], &["a"; 3]);
    let in_sample = [Some(4.0), None, Some(4.0)].into_iter().collect();
    let beside =
        Beside { parts: Some((format.losses(), content.losses())), in_sample: Some(&in_sample), base: None };
    let found = measure(&whole.losses(), &whole.strata(), &whole.rows(), &beside, &settings(100, 2)).unwrap();
    let a = region(&found, "a");
    let [format, content] = [a.format.as_ref().unwrap(), a.content.as_ref().unwrap()];
    assert_eq!((format.n_rows, format.n_tokens, format.verdict), (2, 3, Verdict::Learned));
    assert_eq!(format.per_token.unwrap().value, 2.0);
    assert_eq!((content.n_rows, content.n_tokens, content.per_token.unwrap().value), (3, 9, 0.0));
    assert_eq!(content.verdict, Verdict::Unchanged);
    assert_eq!(a.in_sample, Some(1.0));
}

#[test]
fn the_queue_has_what_was_not_learned_by_its_weight() {
    let row = |name: &'static str, drop: f64, n: usize| std::iter::repeat_n((name, drop), n);
    let rows: Vec<_> = row("little", -0.1, 30)
        .chain(row("much", -1.0, 5))
        .chain(row("good", 9.0, 90))
        .chain(row("still", 0.0, 99))
        .collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let drops: Vec<f64> = rows.iter().map(|(_, drop)| *drop).collect();
    let pool = Pool::new(&vec![1; rows.len()], &[&drops], &names);
    let found = pool.measured(&settings(100, 2)).unwrap();
    let queue: Vec<&str> = found.queue.iter().map(|&at| found.regions[at].name.as_str()).collect();
    assert_eq!(queue, ["much", "little", "still"]);
    assert_eq!(region(&found, "still").verdict, Verdict::Unchanged, "all zero");
    assert!(!found.alike.unwrap().nearly_all);
    let apart = Settings { margin: 0.5, ..settings(100, 2) };
    assert_eq!(region(&pool.measured(&apart).unwrap(), "little").verdict, Verdict::Unchanged);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let pool = Pool::new(&[1, 1], &[&[1.0, 1.0]], &["a", "b"]);
    let of = |pool: &Pool, settings: &Settings| pool.measured(settings).unwrap_err().to_string();
    assert!(
        of(&Pool { drops: Vec::new(), ..pool.clone() }, &settings(100, 2)).contains("found no reference")
    );
    assert!(of(&Pool { n_tokens: vec![0, 0], ..pool.clone() }, &settings(100, 2)).contains("found none"));
    assert!(of(&Pool { hashes: vec![0], ..pool.clone() }, &settings(100, 2)).contains("found one of 1"));
    assert!(of(&pool, &settings(100, 1)).contains("`min-rows`: expected at least 2"));
    assert!(of(&pool, &settings(0, 2)).contains("n_resamples"));
    assert!(of(&pool, &Settings { margin: -1.0, ..settings(100, 2) }).contains("`margin`"));
    let strata = Strata::of_values(["a"]);
    let found = measure(&pool.losses(), &strata, &[0], &Beside::default(), &settings(100, 2));
    assert_eq!(found.unwrap_err(), Error::Lengths { expected: 2, found: 1 });
}

#[derive(Deserialize)]
struct Expected {
    region: Vec<String>,
    counts: Vec<u32>,
    base: Vec<f64>,
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
    regions: Vec<ExpectedRegion>,
    beyond_chance: f64,
}

#[derive(Deserialize)]
struct ExpectedRegion {
    name: String,
    n_rows: u64,
    n_tokens: u64,
    per_token: ExpectedDrop,
    per_row: ExpectedDrop,
    base: f64,
    share: ExpectedDrop,
    joint: (f64, f64),
    verdict: String,
    difference: ExpectedDrop,
}

#[derive(Deserialize)]
struct ExpectedDrop {
    value: f64,
    interval: (f64, f64),
}

/// Both draw at random; with so many resamples an end moves by about a fiftieth of the half width.
#[track_caller]
fn assert_ends(what: &str, found: (f64, f64), expected: (f64, f64)) {
    let apart = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
    let tolerance = 0.05 * (expected.1 - expected.0) / 2.0;
    assert!(apart < tolerance, "{what}: expected {expected:?}, found {found:?}");
}

#[track_caller]
fn assert_drop(what: &str, found: Option<LossDrop>, expected: &ExpectedDrop) {
    let found = found.unwrap();
    assert!((found.value - expected.value).abs() < 1e-12, "{what}: {found:?}");
    assert_ends(what, found.interval.unwrap(), expected.interval);
}

#[test]
fn regions_are_those_of_numpy() {
    let expected: Expected = serde_json::from_str(include_str!("../fixtures/expected.json")).unwrap();
    let names: Vec<&str> = expected.region.iter().map(String::as_str).collect();
    let pool = |of: &[Vec<f64>]| {
        let columns: Vec<&[f64]> = of.iter().map(Vec::as_slice).collect();
        Pool::new(&expected.counts, &columns, &names)
    };
    let (before, after) = (pool(&expected.before), pool(&expected.after));
    let settings = settings(20_000, 10);
    let base: Numbers = expected.base.iter().copied().map(Some).collect();
    let beside = Beside { base: Some(&base), ..Beside::default() };
    let of = |pool: &Pool| measure(&pool.losses(), &pool.strata(), &pool.rows(), &beside, &settings).unwrap();
    let (first, second) = (of(&before), of(&after));
    for expected in &expected.regions {
        let found = region(&first, &expected.name);
        assert_eq!((found.n_rows, found.n_tokens), (expected.n_rows, expected.n_tokens));
        assert_drop("per token", found.per_token, &expected.per_token);
        assert_drop("per row", found.per_row, &expected.per_row);
        assert!((found.base.unwrap() - expected.base).abs() < 1e-12);
        assert_drop("share", found.share, &expected.share);
        assert_ends("joint", found.joint.unwrap(), expected.joint);
        assert_eq!(found.verdict.as_str(), expected.verdict);
    }
    let beyond_chance = first.alike.unwrap().beyond_chance.unwrap();
    assert!((beyond_chance - expected.beyond_chance).abs() < 0.002, "{beyond_chance}");

    let pairs = |name: &str| {
        let rows = before.rows().into_iter().filter(|&row| names[row as usize] == name);
        rows.map(|row| RowPair { before: row, after: row }).collect::<Vec<_>>()
    };
    let pairs: BTreeMap<String, Vec<RowPair>> =
        first.regions.iter().map(|region| (region.name.clone(), pairs(&region.name))).collect();
    let (one, other) = (
        Side { losses: before.losses(), regions: &first },
        Side { losses: after.losses(), regions: &second },
    );
    let changes = compare(&one, &other, &pairs, &settings).unwrap();
    assert_eq!(changes[0].name, "all rows");
    assert_eq!(changes[0].n_paired, 225);
    for (change, expected) in changes[1..].iter().zip(&expected.regions) {
        assert_eq!((change.name.as_str(), change.n_paired), (expected.name.as_str(), expected.n_rows));
        assert_drop("difference", change.difference, &expected.difference);
        assert_eq!(change.before.unwrap().verdict.as_str(), expected.verdict);
    }
    // The repair turned the verdict on code, and no other.
    let turned: Vec<_> =
        changes.iter().filter(|change| change.is_other_verdict).map(|c| c.name.as_str()).collect();
    assert_eq!((turned, changes[1].verdict), (vec!["code"], Verdict::Learned));
}

#[test]
fn regions_of_one_table_only_are_shown_without_a_difference() {
    let pool = Pool::new(&[1; 4], &[&[1.0, 1.0, 2.0, 2.0]], &["a", "a", "b", "b"]);
    let found = pool.measured(&settings(100, 2)).unwrap();
    let mut only = found.clone();
    only.regions.remove(0);
    let pairs = [("b".to_owned(), vec![RowPair { before: 2, after: 3 }])].into();
    let (one, other) =
        (Side { losses: pool.losses(), regions: &found }, Side { losses: pool.losses(), regions: &only });
    let changes = compare(&one, &other, &pairs, &settings(100, 2)).unwrap();
    let [_, a, b] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((a.after, a.n_paired, a.difference, a.verdict), (None, 0, None, Verdict::TooFew));
    assert_eq!((b.n_paired, b.difference), (1, Some(LossDrop { value: 0.0, interval: None })));
    // A table differs from itself by nothing.
    let pairs =
        [("b".to_owned(), vec![RowPair { before: 2, after: 2 }, RowPair { before: 3, after: 3 }])].into();
    let changes = compare(&one, &one, &pairs, &settings(100, 2)).unwrap();
    assert_eq!(changes[2].difference, Some(LossDrop { value: 0.0, interval: Some((0.0, 0.0)) }));
}

fn pools() -> impl Strategy<Value = Pool> {
    let row = (1u32..9, prop::collection::vec(-3f64..3.0, 3), 0usize..3, any::<u64>());
    (prop::collection::vec(row, 1..60), 1usize..4).prop_map(|(rows, n_references)| Pool {
        n_tokens: rows.iter().map(|row| row.0).collect(),
        drops: (0..n_references).map(|at| rows.iter().map(|row| Some(row.1[at])).collect()).collect(),
        hashes: rows.iter().map(|row| row.3).collect(),
        region: rows.iter().map(|row| ["a", "b", "c"][row.2].to_owned()).collect(),
    })
}

/// Everything about a region that does not name rows.
fn numbers(region: &Region) -> Region {
    Region { most: Vec::new(), least: Vec::new(), ..region.clone() }
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_rows_and_the_threads_change_no_bit(pool in pools(), threads in 1usize..5) {
        let found = pool.measured(&settings(100, 2)).unwrap();
        let back = |n: usize| (0..n).rev();
        let turned = Pool {
            n_tokens: back(pool.n_tokens.len()).map(|at| pool.n_tokens[at]).collect(),
            drops: pool.drops.iter().map(|drops| back(drops.len()).map(|at| drops.get(at)).collect()).collect(),
            hashes: back(pool.hashes.len()).map(|at| pool.hashes[at]).collect(),
            region: back(pool.region.len()).map(|at| pool.region[at].clone()).collect(),
        };
        let again = turned.measured(&Settings { threads, ..settings(100, 2) }).unwrap();
        let all = |found: &Regions| found.regions.iter().chain([&found.all]).map(numbers).collect::<Vec<_>>();
        prop_assert_eq!(all(&found), all(&again));
        let last = pool.n_tokens.len() as u64 - 1;
        for (one, other) in found.regions.iter().zip(&again.regions) {
            prop_assert_eq!(one.most.first().map(|shown| shown.row), other.most.first().map(|shown| last - shown.row));
        }
    }

    #[test]
    fn a_region_is_measured_alone_as_among_others(pool in pools()) {
        let found = pool.measured(&settings(100, 2)).unwrap();
        for region in &found.regions {
            let rows: Vec<u32> =
                pool.rows().into_iter().filter(|&row| pool.region[row as usize] == region.name).collect();
            let alone =
                measure(&pool.losses(), &pool.strata(), &rows, &Beside::default(), &settings(100, 2)).unwrap();
            prop_assert_eq!(alone.regions.len(), 1);
            prop_assert_eq!(alone.regions[0].per_token, region.per_token);
            prop_assert_eq!(alone.all.per_token, region.per_token);
        }
    }

    #[test]
    fn drops_scale_and_verdicts_flip_with_the_sign(pool in pools(), by in 0.1f64..9.0) {
        let found = pool.measured(&settings(100, 2)).unwrap();
        let scaled = pool.scaled(by).measured(&settings(100, 2)).unwrap();
        let turned = pool.scaled(-1.0).measured(&settings(100, 2)).unwrap();
        let silent = pool.scaled(0.0).measured(&settings(100, 2)).unwrap();
        for (at, region) in found.regions.iter().enumerate() {
            let value = |found: &Regions| found.regions[at].per_token.unwrap().value;
            prop_assert!(close(value(&scaled), by * value(&found)));
            let expected = match region.verdict {
                Verdict::Learned => Verdict::Worse,
                Verdict::Worse => Verdict::Learned,
                other => other,
            };
            let verdict = |found: &Regions| found.regions[at].verdict;
            prop_assert_eq!((verdict(&scaled), verdict(&turned)), (region.verdict, expected));
            prop_assert!([Verdict::Unchanged, Verdict::TooFew].contains(&verdict(&silent)));
            let Some((low, high)) = region.per_token.unwrap().interval else { continue };
            prop_assert!(low <= high);
            let other = turned.regions[at].per_token.unwrap().interval.unwrap();
            prop_assert!(close(other.0, -high) && close(other.1, -low));
            // The joint interval is around the value, and never says more than the single one by much.
            let (from, to) = region.joint.unwrap();
            prop_assert!(from <= value(&found) + 1e-9 && value(&found) <= to + 1e-9);
        }
        prop_assert!(silent.queue.iter().all(|&at| silent.regions[at].weight == 0.0));
    }
}
