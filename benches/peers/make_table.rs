//! Writes a score table of random losses, as `docs/reference/formats.md` has it: what selection is measured on.
//!
//! Run by `cargo xtask bench select-peers` and `select-scale` as `make-table ROWS PATH`.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use lobass_benches::SEED;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// As `lobass` writes them.
const GROUP_ROWS: usize = 1 << 17;
const SOURCES: u64 = 50;
const MOST_TOKENS: u32 = 2048;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(n_rows), Some(path), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("expected a number of rows and a path".into());
    };
    write(n_rows.parse()?, Path::new(&path))
}

fn write(n_rows: u64, path: &Path) -> Result<(), Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let schema = batch(&[])?.schema();
    let mut writer = ArrowWriter::try_new(fs_err::File::create(path)?, schema, Some(properties))?;
    for first_row in (0..n_rows).step_by(GROUP_ROWS) {
        let rows = first_row..n_rows.min(first_row + GROUP_ROWS as u64);
        let rows: Vec<Row> = rows.map(|row| random(&mut rng, row, n_rows)).collect();
        writer.write(&batch(&rows)?)?;
    }
    let manifest = json!({
        "version": 1, "tool": "make-table", "plan": "", "inputs": [], "tokenizer": "",
        "template": {"name": "none", "digest": "", "now": null},
        "encoding": {"mask": "response", "max_length": MOST_TOKENS, "overlong": "drop"},
        "duplicates": "keep", "models": [], "mode": "full-pool", "per_token": false, "n_rows": n_rows, "counts": {},
    });
    writer.append_key_value_metadata(KeyValue::new("lobass".to_owned(), manifest.to_string()));
    writer.close()?;
    Ok(())
}

struct Row {
    row: u64,
    key: String,
    source: String,
    status: &'static str,
    reason: Option<&'static str>,
    n_tokens: u32,
    n_scored: u32,
    /// Losses of the base and of the reference.
    losses: Option<(f64, f64)>,
}

/// Lengths are log-uniform, losses a token uniform; one row of a hundred is too long, and one is held out.
fn random(rng: &mut ChaCha8Rng, row: u64, n_rows: u64) -> Row {
    let (status, reason) = match rng.random_range(0..100) {
        0 => ("overlong", Some("longer than 2,048 tokens")),
        1 => ("held_out", Some("was held out of the reference's training")),
        _ => ("ok", None),
    };
    let scored = status != "overlong";
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in [1, MOST_TOKENS]")]
    let n_scored = if scored { (f64::from(MOST_TOKENS).ln() * rng.random::<f64>()).exp() as u32 } else { 0 };
    let base = f64::from(n_scored) * rng.random_range(0.1..4.0);
    let reference = base * rng.random_range(0.1..1.1);
    Row {
        row,
        key: format!("{:032x}", rng.random::<u128>()),
        source: format!("source-{:02}", row * SOURCES / n_rows.max(1)),
        status,
        reason,
        n_tokens: if scored { n_scored + rng.random_range(20..200) } else { 3000 },
        n_scored,
        losses: scored.then_some((base, reference)),
    }
}

fn batch(rows: &[Row]) -> Result<RecordBatch, Failure> {
    let texts =
        |text: fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(text).collect::<StringArray>()) as ArrayRef;
    let counts =
        |count: fn(&Row) -> u32| Arc::new(UInt32Array::from_iter_values(rows.iter().map(count))) as ArrayRef;
    let sums = |sum: fn(&(f64, f64)) -> f64| {
        Arc::new(rows.iter().map(|row| row.losses.as_ref().map(sum)).collect::<Float64Array>()) as ArrayRef
    };
    let numbers = UInt64Array::from_iter_values(rows.iter().map(|row| row.row));
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("row", Arc::new(numbers) as ArrayRef, false),
        ("key", texts(|row| Some(&row.key)), false),
        ("status", texts(|row| Some(row.status)), false),
        ("reason", texts(|row| row.reason), true),
        ("source", texts(|row| Some(&row.source)), true),
        ("n_tokens", counts(|row| row.n_tokens), false),
        ("n_scored", counts(|row| row.n_scored), false),
        ("base_nll", sums(|losses| losses.0), true),
        ("reference_nll", sums(|losses| losses.1), true),
    ])?)
}
