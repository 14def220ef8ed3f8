//! How fast samples are drawn: one side of `benches/peers/generate.py`.
//!
//! Run with `cargo run -p lobass-generate --example speed -- CHECKPOINT PROMPTS NEW_TOKENS THREADS DTYPE`. `PROMPTS` is a
//! file with a prompt on each line, as token ids with blanks between them. No token ends a sample, so that every run does
//! the same work. It prints new tokens and seconds, without loading and without a warm-up.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Instant;

use lobass_core::{Prompt, Sampling, SamplingEngine as _};
use lobass_generate::Generator;
use lobass_model::{Checkpoint, DeviceName, Dtype};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, prompts, new_tokens, threads, dtype] = arguments.as_slice() else {
        println!("expected CHECKPOINT PROMPTS NEW_TOKENS THREADS DTYPE, found {arguments:?}");
        return Ok(());
    };
    let model = Checkpoint::open(checkpoint)?.load(dtype.parse::<Dtype>()?, &DeviceName::Cpu.open())?;
    let ids = |line: &str| line.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>();
    let rows = fs_err::read_to_string(prompts)?.lines().map(ids).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<String> = (0..rows.len()).map(|row| row.to_string()).collect();
    let prompts: Vec<Prompt<'_>> = keys.iter().zip(&rows).map(|(key, ids)| Prompt { key, ids }).collect();

    let generator = Generator::new(model, threads.parse()?)?;
    let max_new_tokens = new_tokens.parse()?;
    let sampling =
        Sampling { samples: 1, temperature: 1.0, top_p: 1.0, max_new_tokens, seed: 0, stop_ids: Vec::new() };
    generator.samples(&prompts[..1], &Sampling { max_new_tokens: 2, ..sampling.clone() })?;
    let started = Instant::now();
    let found = generator.samples(&prompts, &sampling)?;
    let seconds = started.elapsed().as_secs_f64();
    let n_tokens: usize = found.iter().flatten().map(|sample| sample.ids.len()).sum();
    println!("{n_tokens} {seconds:.3}");
    Ok(())
}
