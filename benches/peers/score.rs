//! Scores what `score.py` scores, and writes the same numbers: the other side of the comparison.
//!
//! Run by `cargo xtask bench peers`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use lobass_benches::peak_memory;
use lobass_core::{Arithmetic, Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use serde::Deserialize;
use serde_json::json;

/// As many sequences as the other side warms up on.
const WARM_UP: usize = 4;

/// The request of the comparison.
#[derive(Deserialize)]
struct Request {
    checkpoint: PathBuf,
    sequences: PathBuf,
    out: PathBuf,
    /// A number format, or the arithmetic of a model in f32.
    dtype: String,
    threads: usize,
}

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
    /// Half-open ranges of tokens.
    scored: Vec<[usize; 2]>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a request, found nothing")?;
    let request: Request = serde_json::from_slice(&fs_err::read(path)?)?;
    let sequences = read_sequences(&request.sequences)?;
    let checkpoint = Checkpoint::open(&request.checkpoint)?;
    let model = match request.dtype.parse::<Arithmetic>() {
        Ok(arithmetic) => checkpoint.load_with(arithmetic)?,
        Err(_) => checkpoint.load(request.dtype.parse::<Dtype>()?, &DeviceName::Cpu.open())?,
    };
    let engine = Engine::new(model, request.threads);
    engine.losses(&sequences[..WARM_UP.min(sequences.len())], Detail::Sum)?;

    let begin = Instant::now();
    let losses = engine.losses(&sequences, Detail::Sum)?;
    let seconds = begin.elapsed().as_secs_f64();
    let rate = sequences.iter().map(Sequence::n_tokens).sum::<usize>() as f64 / seconds;
    let result = json!({
        "tokens_per_second": rate,
        "seconds": seconds,
        "peak_rss_bytes": peak_memory(),
        "sums": losses.iter().map(|loss| loss.nll.sum).collect::<Vec<_>>(),
        "n_scored": losses.iter().map(|loss| loss.nll.n_scored).collect::<Vec<_>>(),
    });
    fs_err::write(&request.out, result.to_string())?;
    println!("{rate:.0} tokens/s");
    Ok(())
}

fn read_sequences(path: &Path) -> Result<Vec<Sequence>, Box<dyn std::error::Error>> {
    let rows: Vec<Row> = serde_json::from_slice(&fs_err::read(path)?)?;
    rows.into_iter().map(sequence).collect()
}

fn sequence(row: Row) -> Result<Sequence, Box<dyn std::error::Error>> {
    let n_tokens = row.input_ids.len();
    let mut scored = vec![false; n_tokens];
    for [start, end] in row.scored {
        let range = scored.get_mut(start..end);
        range
            .ok_or_else(|| format!("expected ranges within 1..{n_tokens}, found {start}..{end}"))?
            .fill(true);
    }
    Ok(Sequence::from_scored_tokens(row.input_ids, &scored)?)
}
