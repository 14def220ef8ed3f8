//! From rows to masked token sequences: the demo's pool, on one thread.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, Example, FormatChoice, Mask,
    Overlong, Pool, Preset, TemplateChoice, TextTokenizer,
};

fn encode(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let shipped = lobass_demo::unpack(dir.path()).expect("it can be written");
    let file = DataFile::open(&shipped.pool, "pool", &FormatChoice::Auto).expect("a pool");
    let n_bytes = std::fs::metadata(&shipped.pool).expect("a file").len();
    let pool = Pool::new(vec![file], Duplicates::Keep);
    let read = || pool.rows().map(|row| row.expect("a row").example.expect("an example"));

    let mut group = criterion.benchmark_group("encode");
    group.sample_size(10).throughput(Throughput::Bytes(n_bytes));
    group.bench_function("read rows", |bencher| bencher.iter(|| black_box(read().count())));

    let examples: Vec<Example> = read().collect();
    for choice in [TemplateChoice::Auto, TemplateChoice::Preset(Preset::Alpaca)] {
        let template = ChatTemplate::load(&choice, &shipped.base, pool.fallback(), DateTime::default())
            .expect("a template");
        let options = EncodeOptions {
            mask: Mask::Response,
            max_length: 512,
            overlong: Overlong::Drop,
            vocabulary: None,
            transform: None,
        };
        let tokenizer = TextTokenizer::from_dir(&shipped.base).expect("a tokenizer");
        let name = format!(
            "template {}",
            if choice == TemplateChoice::Auto { "of the checkpoint" } else { "alpaca" }
        );
        let encoder = Encoder::new(tokenizer, template, options).expect("a mask that the template has");
        let n_tokens: usize = examples.iter().map(|example| encoder.encode(example).n_tokens).sum();
        group.throughput(Throughput::Elements(n_tokens as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| examples.iter().map(|example| encoder.encode(example).n_tokens).sum::<usize>());
        });
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
