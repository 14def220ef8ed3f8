//! A run that is stopped half-way and taken up again, with a loss engine that counts its work.
//!
//! Run with `cargo run -p lobass-run --example resume_units`. It takes the pool and the tokenizer that the demo ships.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::cell::Cell;
use std::error::Error as _;
use std::path::Path;

use lobass_core::{Detail, DeviceId, Dtype, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, FormatChoice, Mask, Overlong, Pool,
    TemplateChoice, TextTokenizer,
};
use lobass_run::{ModelKey, Plan, Seal, Store, WorkDir, read_table};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lobass-demo/assets");

/// Every token costs one nat, until the power fails.
struct Fragile {
    rows: Cell<usize>,
    power: usize,
}

impl LossEngine for Fragile {
    type Error = std::io::Error;

    fn vocab_size(&self) -> usize {
        512
    }

    fn losses(&self, sequences: &[Sequence], _: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
        if self.rows.get() + sequences.len() > self.power {
            return Err(std::io::Error::other("the power failed"));
        }
        self.rows.set(self.rows.get() + sequences.len());
        let one_nat_each =
            |row: &Sequence| Nll { sum: row.n_scored() as f64, n_scored: row.n_scored() as u64 };
        Ok(sequences.iter().map(|row| SequenceLoss { nll: one_nat_each(row), per_token: None }).collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (assets, dir) = (Path::new(SHIPPED), tempfile::tempdir()?);
    let file = DataFile::open(&assets.join("pool.jsonl"), "pool", &FormatChoice::Auto)?;
    let pool = Pool::new(vec![file], Duplicates::Keep);
    let base = assets.join("base");
    let template = ChatTemplate::load(&TemplateChoice::Auto, &base, pool.fallback(), DateTime::default())?;
    let options = EncodeOptions {
        mask: Mask::Response,
        max_length: 128,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    let encoder = Encoder::new(TextTokenizer::from_dir(&base)?, template, options)?;
    let model =
        ModelKey::new("base".into(), "one nat each", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);

    let work = WorkDir::open(Store::local(&dir.path().join("work"))?, Plan::make(&pool, &encoder, None)?)?;
    println!("{} rows in {} shards", work.plan().n_rows(), work.plan().shards.len());
    work.encode(&pool, &encoder, 2, &mut |_| ())?;

    let first = Fragile { rows: Cell::new(0), power: 1000 };
    let error = work.score(&model, &first, Detail::Sum, &mut |_| ()).err().ok_or("there was power enough")?;
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    println!("first try: {} rows, then: {error}: {why}", first.rows.get());

    let second = Fragile { rows: Cell::new(0), power: usize::MAX };
    work.score(&model, &second, Detail::Sum, &mut |_| ())?;
    println!("second try: the other {} rows", second.rows.get());

    let table = dir.path().join("scores.parquet");
    work.seal(&Seal::new(model, Vec::new()), &table)?;
    println!("sealed: {} rows", read_table(&table)?.records.len());
    Ok(())
}
