//! The gradients of one optimizer step, in tokens a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{model, sequences};
use lobass_train::mean_loss_gradients;

fn train(criterion: &mut Criterion) {
    let (model, rows) = (model(), sequences(8, 64, 32));
    let mut group = criterion.benchmark_group("train");
    group.sample_size(10).throughput(Throughput::Elements(8 * 64));
    for threads in [1, 2] {
        group.bench_function(format!("{threads} threads, 8 sequences of 64"), |bencher| {
            bencher.iter(|| mean_loss_gradients(&model, &rows, 256, threads).0);
        });
    }
}

criterion_group!(benches, train);
criterion_main!(benches);
