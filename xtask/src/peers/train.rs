//! Training beside transformers and PEFT: the same batches from the same weights.

use std::num::NonZeroUsize;

use anyhow::Result;
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::{DIR, Side, build, numbers, run_ours, run_peer, worst_difference};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shape of the model
    #[arg(long, value_name = "SHAPE", default_value = "m25", value_parser = ["m25", "m135", "qwen05"])]
    shape: String,
    /// How often both sides are run, alternating; the fastest run of each counts
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroUsize,
    /// Sequences of a step
    #[arg(long, value_name = "N", default_value_t = 32)]
    sequences: usize,
    /// Steps of a run; the first is not timed
    #[arg(long, value_name = "N", default_value_t = 4)]
    steps: usize,
    /// The training method
    #[arg(long, value_name = "METHOD", default_value = "both", value_parser = ["full", "lora", "both"])]
    method: String,
    /// The products of training: in bf16, the other side runs in f32 and in mixed precision
    #[arg(long, value_name = "DTYPE", default_value = "f32", value_parser = ["f32", "bf16"])]
    dtype: String,
    /// Tokens of a micro-batch of either side; the fastest of several counts
    #[arg(long, value_name = "TOKENS", num_args = 1.., default_values_t = [512])]
    micro_batch_tokens: Vec<usize>,
    /// Keep less of the forward pass on our side
    #[arg(long)]
    recompute: bool,
}

const METHODS: [&str; 2] = ["full", "lora"];
const LEARNING_RATE: &str = "1e-4";

impl Args {
    /// The number formats of products that are run, the one asked for last.
    fn formats(&self) -> &'static [&'static str] {
        if self.dtype == "bf16" { &["f32", "bf16"] } else { &["f32"] }
    }

    /// How far losses of both sides may differ, in nats a token: other orders of summation, a few steps. In bf16 torch
    /// rounds after every product too.
    fn tolerance(&self) -> f64 {
        if self.dtype == "bf16" { 0.05 } else { 2e-3 }
    }
}

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "train-peer")?;
    make_material(shell, args, python)?;
    for method in METHODS.into_iter().filter(|method| args.method == "both" || args.method == *method) {
        compare(shell, args, method, python)?;
    }
    Ok(())
}

/// Runs both sides in each format, alternating.
fn compare(shell: &Shell, args: &Args, method: &str, python: &str) -> Result<()> {
    let mut sides: Vec<(&str, Side, Side)> =
        args.formats().iter().map(|format| (*format, Side::new(), Side::new())).collect();
    for round in 1..=args.rounds.get() {
        eprintln!("==> {method}, round {round} of {}", args.rounds);
        for &tokens in &args.micro_batch_tokens {
            for (format, ours, peers) in &mut sides {
                let run = Run { method, format, tokens };
                ours.take(&train_ours(shell, args, run)?, |run| numbers(run, "losses"))?;
                peers.take(&train_peer(shell, args, run, python)?, |run| numbers(run, "losses"))?;
                let worst = worst_difference(ours, peers, args.tolerance())?;
                eprintln!("    {format}, {tokens} tokens: losses agree to {worst:.1e}: {:?}", ours.losses);
            }
        }
    }
    for (format, ours, peers) in &sides {
        eprintln!("{} {method} {format}: {}", args.shape, ours.beside("transformers", peers));
    }
    if let [(_, exact, peers_exact), (_, rounded, peers_rounded)] = sides.as_slice() {
        let best = peers_exact.rate.max(peers_rounded.rate);
        eprintln!(
            "{} {method}: lobass in bf16 is {:.2} times as fast as the faster of the other side, and {:.2} times as \
             fast as lobass in f32",
            args.shape,
            rounded.rate / best,
            rounded.rate / exact.rate
        );
    }
    Ok(())
}

/// One run of either side.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    method: &'a str,
    /// Of products.
    format: &'a str,
    /// Of a micro-batch.
    tokens: usize,
}

/// A random checkpoint, an adapter for it, and sequences: those of one step, and, for the other side, of all steps.
fn make_material(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    let (shape, count) = (&args.shape, args.sequences.to_string());
    cmd!(
        shell,
        "{python} benches/peers/make_model.py --shape {shape} --out {DIR}/{shape} --adapter {DIR}/{shape}-adapter
         --sequences {DIR}/step.json --count {count} --seed 13008"
    )
    .run()?;
    let step: Vec<Value> = serde_json::from_str(&shell.read_file(format!("{DIR}/step.json"))?)?;
    let all: Vec<&Value> = std::iter::repeat_n(&step, args.steps).flatten().collect();
    Ok(shell.write_file(format!("{DIR}/steps.json"), json!(all).to_string())?)
}

fn train_ours(shell: &Shell, args: &Args, run: Run<'_>) -> Result<Value> {
    let shape = &args.shape;
    let request = json!({
        "checkpoint": format!("{DIR}/{shape}"),
        "adapter": (run.method == "lora").then(|| format!("{DIR}/{shape}-adapter")),
        "sequences": format!("{DIR}/step.json"),
        "steps": args.steps,
        "learning_rate": LEARNING_RATE.parse::<f64>()?,
        "micro_batch_tokens": run.tokens,
        "recompute": args.recompute,
        "dtype": run.format,
    });
    run_ours(shell, "train-peer", request)
}

fn train_peer(shell: &Shell, args: &Args, run: Run<'_>, python: &str) -> Result<Value> {
    let shape = &args.shape;
    let mut options = vec![
        format!("--checkpoint={DIR}/{shape}"),
        format!("--sequences={DIR}/steps.json"),
        format!("--method={}", run.method),
        format!("--learning-rate={LEARNING_RATE}"),
        format!("--batch-size={}", args.sequences),
        format!("--micro-batch-tokens={}", run.tokens),
        format!("--steps={}", args.steps),
    ];
    options.extend((run.method == "lora").then(|| format!("--adapter={DIR}/{shape}-adapter")));
    options.extend((run.format == "bf16").then(|| "--autocast".to_owned()));
    run_peer(shell, python, "train.py", &options)
}
