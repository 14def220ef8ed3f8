//! From token ids to hidden states, in tokens a second: one thread, as each worker of the engine is.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{model, sequences};
use lobass_core::Sequence;
use lobass_loss::Workers;
use lobass_model::Packed;

/// Tokens in every case.
const N_TOKENS: usize = 512;

fn forward(criterion: &mut Criterion) {
    let (model, worker) = (model(), Workers::new(1));
    let mut group = criterion.benchmark_group("forward");
    group.sample_size(10).throughput(Throughput::Elements(N_TOKENS as u64));
    for length in [32, 128, 512] {
        let rows = sequences(N_TOKENS / length, length, 1);
        let packed = Packed::new(rows.iter().map(Sequence::input_ids));
        group.bench_function(format!("{} packed sequences of {length}", rows.len()), |bencher| {
            bencher.iter(|| worker.run(&[0], |_| model.hidden_states(&packed)));
        });
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
