//! From a score table in memory to a selection, in rows a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::SEED;
use lobass_core::{Budget, ExampleKey, ScoreColumns, ScoreRecord};
use lobass_select::strategies::{Lobass, Random};
use lobass_select::{Request, Strategy, select, summarize};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const N_ROWS: u64 = 200_000;

fn table() -> ScoreColumns {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut record = |row: u64| {
        let n_scored = rng.random_range(1..400u32);
        let mut sum = |most: f64| f64::from(n_scored) * rng.random_range(0.1..most);
        let scored = ScoreRecord::scored(row, n_scored, sum(4.0), sum(2.0));
        ScoreRecord { key: ExampleKey::new(format!("{row:032x}")), n_tokens: n_scored + 50, ..scored }
    };
    let records: Vec<ScoreRecord> = (0..N_ROWS).map(&mut record).collect();
    ScoreColumns::of(&records, 0)
}

fn selecting(criterion: &mut Criterion) {
    let columns = table();
    let mut group = criterion.benchmark_group("select");
    group.sample_size(10).throughput(Throughput::Elements(N_ROWS));
    for (strategy, budget) in [
        (&Lobass as &dyn Strategy, Budget::Fraction(0.06)),
        (&Lobass, Budget::Tokens(2_000_000)),
        (&Random, Budget::Fraction(0.06)),
    ] {
        let request = Request::new(strategy, budget);
        group.bench_function(format!("{strategy}, {budget}"), |bencher| {
            bencher.iter(|| select(&columns, &request).expect("rows with scores"));
        });
    }
    let request = Request::new(&Lobass, Budget::Fraction(0.06));
    let chosen = select(&columns, &request).expect("rows with scores");
    group.bench_function("summary", |bencher| bencher.iter(|| summarize(&columns, &chosen, 1)));
}

criterion_group!(benches, selecting);
criterion_main!(benches);
