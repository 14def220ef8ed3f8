//! Draws samples after the prompts that `generate.py` and `llama_generate.py` draw them after: our side of the comparison.
//!
//! No token ends a sample, so that every run does the same work. Run by `cargo xtask bench generate-peers`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::path::PathBuf;
use std::time::Instant;

use lobass_benches::peak_memory;
use lobass_core::{Prompt, Sampling, SamplingEngine as _};
use lobass_generate::Generator;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use serde::Deserialize;
use serde_json::json;

/// The request of the comparison.
#[derive(Deserialize)]
struct Request {
    checkpoint: PathBuf,
    /// A JSON list of prompts, as token ids.
    prompts: PathBuf,
    out: PathBuf,
    new_tokens: u32,
    threads: usize,
    dtype: Dtype,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a request, found nothing")?;
    let request: Request = serde_json::from_slice(&fs_err::read(path)?)?;
    let mut rows: Vec<Vec<u32>> = serde_json::from_slice(&fs_err::read(&request.prompts)?)?;
    let keys: Vec<String> = (0..rows.len()).map(|row| row.to_string()).collect();
    rows.sort_by_key(Vec::len);
    let prompts: Vec<Prompt<'_>> = keys.iter().zip(&rows).map(|(key, ids)| Prompt { key, ids }).collect();
    let model = Checkpoint::open(&request.checkpoint)?.load(request.dtype, &DeviceName::Cpu.open())?;
    let generator = Generator::new(model, request.threads)?;
    let sampling = Sampling {
        samples: 1,
        temperature: 1.0,
        top_p: 1.0,
        max_new_tokens: request.new_tokens,
        seed: 0,
        stop_ids: Vec::new(),
    };
    // The most likely next tokens say whether all sides have the same model.
    let greedy = Sampling { temperature: 0.0, max_new_tokens: 1, ..sampling.clone() };
    let likeliest: Vec<u32> =
        generator.samples(&prompts, &greedy)?.iter().flatten().map(|sample| sample.ids[0]).collect();
    // A warm-up, as on the other sides.
    generator.samples(&prompts[..1], &Sampling { max_new_tokens: 2, ..sampling.clone() })?;
    let started = Instant::now();
    let found = generator.samples(&prompts, &sampling)?;
    let seconds = started.elapsed().as_secs_f64();
    let n_tokens: usize = found.iter().flatten().map(|sample| sample.ids.len()).sum();
    let rate = n_tokens as f64 / seconds;
    let result = json!({
        "tokens_per_second": rate, "seconds": seconds, "new_tokens": n_tokens, "peak_rss_bytes": peak_memory(),
        "likeliest": likeliest,
    });
    fs_err::write(&request.out, result.to_string())?;
    println!("{rate:.0} new tokens/s");
    Ok(())
}
