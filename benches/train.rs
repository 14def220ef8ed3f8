//! The gradients of one optimizer step, in tokens a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{model, sequences};
use lobass_model::LoraConfig;
use lobass_train::{Objective, loss_gradients};

fn train(criterion: &mut Criterion) {
    let rows = sequences(8, 64, 32);
    let lora = LoraConfig::default().attach(&model(), 1).expect("every projection is there");
    let mut group = criterion.benchmark_group("train");
    group.sample_size(10).throughput(Throughput::Elements(8 * 64));
    for (method, model) in [("full", model()), ("lora", lora)] {
        for threads in [1, 2] {
            group.bench_function(format!("{method}, {threads} threads, 8 sequences of 64"), |bencher| {
                bencher.iter(|| loss_gradients(&model, Objective::Sft(&rows), 256, threads).0);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, train);
criterion_main!(benches);
