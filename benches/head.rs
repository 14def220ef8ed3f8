//! From hidden states to losses, in scored tokens a second: one thread, as each worker of the engine is.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{model, sequences};
use lobass_core::Sequence;
use lobass_loss::{Workers, label_losses};
use lobass_model::Packed;

fn head(criterion: &mut Criterion) {
    let (model, worker) = (model(), Workers::new(1));
    let mut group = criterion.benchmark_group("head");
    group.sample_size(10);
    for n_rows in [16, 64, 512] {
        let packed = sequences(1, n_rows, 1);
        let packed = Packed::new(packed.iter().map(Sequence::input_ids));
        let hidden = model.hidden_states(&packed);
        // What a row is asked for costs the same whichever token it is.
        let (rows, labels): (Vec<usize>, _) = ((0..n_rows).collect(), packed.input_ids());
        group.throughput(Throughput::Elements(n_rows as u64));
        group.bench_function(format!("{n_rows} rows"), |bencher| {
            bencher.iter(|| worker.run(&[0], |_| label_losses(&model, &hidden, &rows, labels)));
        });
    }
}

criterion_group!(benches, head);
criterion_main!(benches);
