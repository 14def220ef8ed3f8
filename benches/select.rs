//! From a score table in memory to a selection, in rows a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::SEED;
use lobass_core::{Budget, ExampleKey, Nll, RowStatus, ScoreColumns, ScoreRecord};
use lobass_select::{Request, Shape, Strategy, select, select_shaped, summarize};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const N_ROWS: u64 = 200_000;

fn table() -> ScoreColumns {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut record = |row: u64| {
        let n_scored = rng.random_range(1..400u32);
        let mut nll = |most: f64| {
            Some(Nll {
                sum: f64::from(n_scored) * rng.random_range(0.1..most),
                n_scored: u64::from(n_scored),
            })
        };
        ScoreRecord {
            row,
            key: ExampleKey::new(format!("{row:032x}")),
            status: RowStatus::Ok,
            reason: None,
            source: "pool".to_owned(),
            n_tokens: n_scored + 50,
            n_scored,
            base: nll(4.0),
            reference: nll(2.0),
            in_sample: None,
            fold: None,
            rejected: None,
        }
    };
    let records: Vec<ScoreRecord> = (0..N_ROWS).map(&mut record).collect();
    ScoreColumns::of(&records, 0)
}

fn selecting(criterion: &mut Criterion) {
    let columns = table();
    let mut group = criterion.benchmark_group("select");
    group.sample_size(10).throughput(Throughput::Elements(N_ROWS));
    for (strategy, budget) in [
        (Strategy::Lobass, Budget::Fraction(0.06)),
        (Strategy::Lobass, Budget::Tokens(2_000_000)),
        (Strategy::Random, Budget::Fraction(0.06)),
    ] {
        let request = Request { budget, direction: None };
        group.bench_function(format!("{}, {budget}", strategy.info().name), |bencher| {
            bencher.iter(|| select(&columns, &strategy, &request).expect("rows with scores"));
        });
    }
    let request = Request { budget: Budget::Fraction(0.06), direction: None };
    let shaped = select_shaped(&columns, &Strategy::Lobass, &request, &Shape::default());
    let shaped = shaped.expect("rows with scores");
    group.bench_function("summary", |bencher| bencher.iter(|| summarize(&columns, &shaped)));
}

criterion_group!(benches, selecting);
criterion_main!(benches);
