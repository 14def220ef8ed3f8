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
    /// Keep less of the forward pass on our side
    #[arg(long)]
    recompute: bool,
}

const METHODS: [&str; 2] = ["full", "lora"];
const LEARNING_RATE: &str = "1e-4";
/// The fastest setting of both sides among 512, 1024, 2048, and 4096 on the machine of `docs/inside/benchmarks.md`.
const MICRO_BATCH_TOKENS: usize = 512;
/// Losses of both sides, in nats a token: f32, other orders of summation, a few steps.
const TOLERANCE: f64 = 2e-3;

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "train-peer")?;
    make_material(shell, args, python)?;
    for method in METHODS.into_iter().filter(|method| args.method == "both" || args.method == *method) {
        let mut ours = Side::new();
        let mut peers = Side::new();
        for round in 1..=args.rounds.get() {
            eprintln!("==> {method}, round {round} of {}", args.rounds);
            ours.take(&train_ours(shell, args, method)?, |run| numbers(run, "losses"))?;
            peers.take(&train_peer(shell, args, method, python)?, |run| numbers(run, "losses"))?;
            let worst = worst_difference(&ours, &peers, TOLERANCE)?;
            eprintln!("    losses agree to {worst:.1e}: {:?}", ours.losses);
        }
        eprintln!("{} {method}: {}", args.shape, ours.beside(&peers));
    }
    Ok(())
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

fn train_ours(shell: &Shell, args: &Args, method: &str) -> Result<Value> {
    let shape = &args.shape;
    let request = json!({
        "checkpoint": format!("{DIR}/{shape}"),
        "adapter": (method == "lora").then(|| format!("{DIR}/{shape}-adapter")),
        "sequences": format!("{DIR}/step.json"),
        "steps": args.steps,
        "learning_rate": LEARNING_RATE.parse::<f64>()?,
        "micro_batch_tokens": MICRO_BATCH_TOKENS,
        "recompute": args.recompute,
        "dtype": "f32",
    });
    run_ours(shell, "train-peer", request)
}

fn train_peer(shell: &Shell, args: &Args, method: &str, python: &str) -> Result<Value> {
    let shape = &args.shape;
    let mut options = vec![
        format!("--checkpoint={DIR}/{shape}"),
        format!("--sequences={DIR}/steps.json"),
        format!("--method={method}"),
        format!("--learning-rate={LEARNING_RATE}"),
        format!("--batch-size={}", args.sequences),
        format!("--micro-batch-tokens={MICRO_BATCH_TOKENS}"),
        format!("--steps={}", args.steps),
    ];
    options.extend((method == "lora").then(|| format!("--adapter={DIR}/{shape}-adapter")));
    run_peer(shell, python, "train.py", &options)
}
