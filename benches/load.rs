//! From a checkpoint on disk, in the page cache, to a model.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{SMALL, config, model};
use lobass_model::{Checkpoint, DeviceName, Dtype, save};

fn load(criterion: &mut Criterion) {
    let device = DeviceName::Cpu.open();
    let dir = tempfile::tempdir().expect("a temporary directory");
    for dtype in [Dtype::F32, Dtype::Bf16] {
        save(&model(), SMALL, dtype, &dir.path().join(dtype.to_string())).expect("it can be saved");
    }

    let mut group = criterion.benchmark_group("load");
    group.sample_size(10).throughput(Throughput::Bytes(4 * config().n_parameters() as u64));
    for stored in [Dtype::F32, Dtype::Bf16] {
        group.bench_function(format!("{stored} file to f32"), |bencher| {
            bencher.iter(|| {
                let checkpoint = Checkpoint::open(dir.path().join(stored.to_string())).expect("it opens");
                checkpoint.load(Dtype::F32, &device).expect("it loads")
            });
        });
    }
    group.bench_function("digest of f32", |bencher| {
        let checkpoint = Checkpoint::open(dir.path().join("f32")).expect("it opens");
        bencher.iter(|| black_box(checkpoint.weights_digest()));
    });
}

criterion_group!(benches, load);
criterion_main!(benches);
