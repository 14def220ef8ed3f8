//! From token ids to batches: what sorting sequences, finding common beginnings, and laying rows out costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_core::Sequence;
use lobass_loss::{Limits, Plan};

const LIMITS: Limits = Limits { rows: 8192, lanes: 2, alone_beyond: None };

/// Short rows behind one preamble, every tenth of them twice.
fn rows(count: u32) -> Vec<Sequence> {
    let row = |at: u32| {
        let number = if at % 10 == 9 { at - 1 } else { at };
        let own = (0..30).map(|token| number.wrapping_mul(2_654_435_761).rotate_left(token) % 8192);
        let ids: Vec<u32> = (0..30).chain(own).collect();
        let scored: Vec<bool> = (0..ids.len()).map(|token| token >= 45).collect();
        Sequence::from_scored_tokens(ids, &scored).expect("as many marks as tokens")
    };
    (0..count).map(row).collect()
}

fn plan(criterion: &mut Criterion) {
    let rows = rows(20_000);
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10).throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("order and cut", |bencher| bencher.iter(|| Plan::new(&rows, &LIMITS)));
    let plan = Plan::new(&rows, &LIMITS);
    group.bench_function("lay out every batch", |bencher| {
        bencher.iter(|| (0..plan.n_batches()).map(|at| plan.batch(at, &rows).n_losses()).sum::<usize>());
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
