//! Sampling beside transformers' `generate` and llama.cpp: the same weights, prompts, and numbers of tokens.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use xshell::Shell;

use super::llama;
use super::material::{Sets, checkpoint};
use super::{DIR, DTYPES, Side, build, run_ours, run_peer};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often all sides are run, alternating; the fastest run of each counts
    #[arg(long, value_name = "N", default_value = "2")]
    rounds: NonZeroUsize,
    /// The number format
    #[arg(long, default_value = "both", value_parser = ["f32", "bf16", "both"])]
    dtype: String,
    /// Prompts, each with one sample
    #[arg(long, value_name = "N", default_value = "64")]
    prompts: NonZeroUsize,
    /// New tokens of a sample
    #[arg(long, value_name = "N", default_value = "64")]
    new_tokens: NonZeroUsize,
    /// Samples of a batch on the other sides
    #[arg(long, value_name = "N", default_value = "32")]
    batch: NonZeroUsize,
    /// Alpaca rows, a JSON array, whose prompts are taken [default: those beside the project, or invented ones]
    #[arg(long, value_name = "FILE")]
    alpaca: Option<PathBuf>,
}

const SHAPE: &str = "m135";
const VOCABULARY: usize = 32768;

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "generate-peer")?;
    let llama = llama::environment(shell)?;
    let n_tokens = write_prompts(shell, args, python)?;
    eprintln!("==> {} prompts of {n_tokens} tokens, {} new tokens each", args.prompts, args.new_tokens);
    let mut lines = Vec::new();
    for dtype in DTYPES.iter().filter(|(name, _)| args.dtype == "both" || args.dtype == *name) {
        lines.push(compare(shell, args, *dtype, [python, &llama])?);
    }
    eprintln!("{}", lines.join("\n"));
    Ok(())
}

/// Writes what is before the first scored token of rows; gives the number of tokens.
fn write_prompts(shell: &Shell, args: &Args, python: &str) -> Result<usize> {
    let sets = Sets::make(shell, python, args.alpaca.as_deref())?;
    let cut = sets.cut(shell, "alpaca", args.prompts.get())?;
    let sequences: Vec<Value> = serde_json::from_str(&shell.read_file(&cut.path)?)?;
    let prompt = |sequence: &Value| -> Option<Vec<Value>> {
        let end = usize::try_from(sequence["scored"][0][0].as_u64()?).ok()?;
        Some(sequence["input_ids"].as_array()?.get(..end)?.to_vec())
    };
    let prompts: Vec<Vec<Value>> = sequences.iter().filter_map(prompt).collect();
    if prompts.len() < args.prompts.get() {
        bail!("expected {} rows with a prompt, found {}", args.prompts, prompts.len());
    }
    shell.write_file(format!("{DIR}/prompts.json"), json!(prompts).to_string())?;
    Ok(prompts.iter().map(Vec::len).sum())
}

/// Runs all sides in a number format, alternating; says how they compare.
fn compare(
    shell: &Shell,
    args: &Args,
    (name, torch): (&str, &str),
    [python, llama]: [&str; 2],
) -> Result<String> {
    let checkpoint = checkpoint(shell, python, SHAPE, VOCABULARY, torch)?;
    let gguf = llama::gguf(shell, python, &checkpoint)?;
    let request = json!({
        "checkpoint": checkpoint,
        "prompts": format!("{DIR}/prompts.json"),
        "new_tokens": args.new_tokens,
        "dtype": name,
    });
    let common = [
        format!("--prompts={DIR}/prompts.json"),
        format!("--new-tokens={}", args.new_tokens),
        format!("--batch={}", args.batch),
    ];
    let options = |own: [String; 2]| [&own[..], &common[..]].concat();
    let of_transformers = options([format!("--checkpoint={checkpoint}"), format!("--dtype={torch}")]);
    let of_llama = options([format!("--gguf={gguf}"), format!("--dtype={name}")]);
    let mut sides = [Side::new(), Side::new(), Side::new()];
    for round in 1..=args.rounds.get() {
        eprintln!("==> {name}, round {round} of {}", args.rounds);
        let runs = [
            run_ours(shell, "generate-peer", request.clone())?,
            run_peer(shell, python, "generate.py", &of_transformers)?,
            run_peer(shell, llama, "llama_generate.py", &of_llama)?,
        ];
        check_same(&runs, name)?;
        for (side, run) in sides.iter_mut().zip(&runs) {
            side.take(run, |_| Ok(Vec::new()))?;
        }
    }
    let [ours, transformers, llama] = &sides;
    Ok(format!(
        "{SHAPE} {name}: {}\n{SHAPE} {name}: {}",
        ours.beside("transformers", transformers),
        ours.beside("llama.cpp", llama)
    ))
}

/// Refuses runs that did other work, or have another model.
fn check_same(runs: &[Value; 3], format: &str) -> Result<()> {
    for run in &runs[1..] {
        if run["new_tokens"] != runs[0]["new_tokens"] {
            bail!("expected as many new tokens on all sides, found other numbers");
        }
        let likeliest = |run: &Value| run["likeliest"].as_array().cloned().unwrap_or_default();
        let (ours, theirs) = (likeliest(&runs[0]), likeliest(run));
        let n_same = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours == theirs).count();
        eprintln!("==> {n_same} of {} most likely next tokens are ours", theirs.len());
        // In bf16, tokens that are nearly as likely as each other change places.
        let expected = if format == "f32" { ours.len() } else { ours.len().div_ceil(2) };
        if ours.is_empty() || n_same < expected {
            bail!("expected the same most likely tokens on all sides, found others: is it the same model?");
        }
    }
    Ok(())
}
