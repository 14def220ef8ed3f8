//! How the cost of losses grows: with rows, lengths, threads, and weights. A rate that falls along a group is a cost that
//! grows faster than what is measured.
//!
//! `cargo xtask bench growth` measures the same on a larger scale, each case in a separate process.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lobass_benches::{SEED, sequences};
use lobass_core::{Detail, LossEngine as _};
use lobass_loss::Engine;
use lobass_model::{Decoder, DecoderSpec, DeviceName};

/// A random model of some layers of a width.
fn model(width: usize, layers: usize) -> Decoder {
    let config = serde_json::json!({
        "model_type": "llama",
        "vocab_size": 8192,
        "hidden_size": width,
        "intermediate_size": 8 * width / 3,
        "num_hidden_layers": layers,
        "num_attention_heads": width / 64,
        "num_key_value_heads": width / 64,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": true,
    });
    let spec = DecoderSpec::from_json(&config.to_string()).expect("it is a config");
    Decoder::random(&spec, SEED, &DeviceName::Cpu.open())
}

/// Losses of uniform tokens, all scored but the first, in tokens a second.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: String,
    engine: &Engine,
    rows: usize,
    length: usize,
) {
    let rows = sequences(rows, length, length - 1);
    group.sample_size(10).throughput(Throughput::Elements((rows.len() * length) as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| engine.losses(&rows, Detail::Sum).expect("ids below the vocabulary"));
    });
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scaling/rows");
    let engine = Engine::new(model(64, 1), 2);
    for rows in [100, 1_000, 10_000] {
        measure(&mut group, format!("{rows} rows of 16 tokens"), &engine, rows, 16);
    }
}

fn length(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scaling/length");
    let engine = Engine::new(model(192, 4), 2);
    for length in [64, 512, 4096] {
        measure(&mut group, format!("rows of {length} tokens"), &engine, 8192 / length, length);
    }
}

fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scaling/threads");
    for threads in [1, 2] {
        let engine = Engine::new(model(192, 4), threads);
        measure(&mut group, format!("{threads} threads"), &engine, 32, 128);
    }
}

fn weights(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scaling/weights");
    for (width, layers) in [(64, 1), (192, 4), (384, 8)] {
        let engine = Engine::new(model(width, layers), 2);
        measure(&mut group, format!("{layers} layers of width {width}"), &engine, 16, 128);
    }
}

criterion_group!(benches, rows, length, threads, weights);
criterion_main!(benches);
