//! From sequences to losses, in tokens a second: threads, lengths, and how much of a sequence is scored.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{model, sequences};
use lobass_core::{Detail, LossEngine as _};
use lobass_loss::Engine;

/// Tokens in every case.
const N_TOKENS: usize = 2048;

fn loss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("loss");
    group.sample_size(10).throughput(Throughput::Elements(N_TOKENS as u64));
    for threads in [1, 2] {
        let engine = Engine::new(model(), threads);
        for (length, n_scored) in [(64, 63), (256, 255), (256, 64)] {
            let rows = sequences(N_TOKENS / length, length, n_scored);
            let name = format!("{threads} threads, length {length}, {n_scored} scored");
            group.bench_function(name, |bencher| {
                bencher.iter(|| engine.losses(&rows, Detail::Sum).expect("ids below the vocabulary"));
            });
        }
    }
}

criterion_group!(benches, loss);
criterion_main!(benches);
