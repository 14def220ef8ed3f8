//! Trains on what `train.py` trains on, and writes the same numbers: the other side of the comparison.
//!
//! Every step takes all sequences of the file, so that no order has to be agreed on. Run by
//! `cargo xtask bench train-peers`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::path::PathBuf;
use std::time::Instant;

use lobass_benches::peak_memory;
use lobass_core::Sequence;
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, DeviceName, Dtype};
use lobass_train::{Event, Schedule, Session, TrainConfig, TrainData, fine_tune};
use serde::Deserialize;
use serde_json::json;

/// The request of the comparison, as `name=value` arguments.
#[derive(Deserialize)]
struct Request {
    checkpoint: PathBuf,
    /// An adapter to begin with; without one all weights are trained.
    adapter: Option<PathBuf>,
    sequences: PathBuf,
    out: PathBuf,
    steps: u32,
    threads: usize,
    learning_rate: f64,
    micro_batch_tokens: usize,
    recompute: bool,
    /// Of products.
    dtype: Dtype,
}

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
    scored: Vec<bool>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a request, found nothing")?;
    let request: Request = serde_json::from_slice(&fs_err::read(path)?)?;
    let rows: Vec<Row> = serde_json::from_slice(&fs_err::read(&request.sequences)?)?;
    let sequences = rows
        .into_iter()
        .map(|row| Sequence::from_scored_tokens(row.input_ids, &row.scored))
        .collect::<Result<Vec<_>, _>>()?;
    let model = load(&request)?;
    let config = TrainConfig {
        epochs: request.steps,
        batch_size: sequences.len(),
        learning_rate: request.learning_rate,
        schedule: Schedule::Constant,
        warmup_ratio: 0.0,
        micro_batch_tokens: request.micro_batch_tokens,
        recompute: request.recompute,
        products: request.dtype,
        ..TrainConfig::default()
    };
    let session = Session { threads: request.threads, ..Session::default() };
    let mut ends = Vec::new();
    let mut tokens = 0;
    let (_, report) = fine_tune(model, &TrainData::sft(&sequences), &config, session, &mut |event| {
        if let Event::Step(step) = event {
            ends.push(Instant::now());
            tokens = step.n_tokens;
        }
    })?;
    // The first step is a warm-up, as on the other side.
    let timed = ends.last().zip(ends.first()).map(|(last, first)| last.duration_since(*first));
    let seconds = timed.ok_or("expected at least two steps")?.as_secs_f64();
    let rate = (tokens * (ends.len() - 1)) as f64 / seconds;
    let result = json!({
        "tokens_per_second": rate, "seconds": seconds, "losses": report.losses, "peak_rss_bytes": peak_memory(),
    });
    fs_err::write(&request.out, result.to_string())?;
    println!("{rate:.0} tokens/s");
    Ok(())
}

fn load(request: &Request) -> Result<Decoder, Box<dyn std::error::Error>> {
    // The frozen weights under an adapter are held in the format of products, as `lobass train` has it.
    let dtype = request.adapter.as_ref().map_or(Dtype::F32, |_| request.dtype);
    let model = Checkpoint::open(&request.checkpoint)?.load(dtype, &DeviceName::Cpu.open())?;
    match &request.adapter {
        None => Ok(model),
        Some(dir) => Ok(AdapterCheckpoint::open(dir)?.apply(&model)?),
    }
}
