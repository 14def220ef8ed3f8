//! Training beside transformers and PEFT: the same checkpoint, sequences, and steps, one after the other, in rounds.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `train-peers`: the shape of the model, m25, m135, or qwen05
    #[arg(long, value_name = "SHAPE", default_value = "m25")]
    shape: String,
    /// `train-peers`: how often both sides are run, alternating; the fastest run of each counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// `train-peers`: sequences of a step
    #[arg(long, value_name = "N", default_value_t = 32)]
    sequences: usize,
    /// `train-peers`: steps of a run; the first is not timed
    #[arg(long, value_name = "N", default_value_t = 4)]
    steps: usize,
    /// `train-peers`: full, lora, or both
    #[arg(long, value_name = "METHOD", default_value = "both")]
    method: String,
    /// `train-peers`: keep less of the forward pass on our side
    #[arg(long)]
    recompute: bool,
}

/// Where the material and the results are.
const DIR: &str = "target/peers";
const THREADS: usize = 2;
const LEARNING_RATE: &str = "1e-4";
/// Of both sides: what each runs fastest with among 512, 1024, 2048, and 4096 on the machine of `docs/benchmarks.md`.
const MICRO_BATCH_TOKENS: usize = 512;
/// Losses of both sides, in nats a token: f32, other orders of summation, a few steps.
const TOLERANCE: f64 = 2e-3;

pub(crate) fn train(shell: &Shell, args: &Args) -> Result<()> {
    let python = crate::golden::environment(shell)?;
    let methods: &[&str] = match args.method.as_str() {
        "both" => &["full", "lora"],
        "full" => &["full"],
        "lora" => &["lora"],
        other => bail!("expected full, lora, or both, found `{other}`"),
    };
    cmd!(shell, "cargo build --release --package lobass-benches --bin train-peer").run()?;
    make_material(shell, args, &python)?;
    for method in methods {
        let mut ours = Side::default();
        let mut peers = Side::default();
        for round in 1..=args.rounds {
            eprintln!("==> {method}, round {round} of {}", args.rounds);
            ours.take(&run_ours(shell, args, method)?)?;
            peers.take(&run_peer(shell, args, method, &python)?)?;
            compare(&ours, &peers)?;
        }
        report(args, method, &ours, &peers);
    }
    Ok(())
}

/// The best run of one side.
#[derive(Debug, Default)]
struct Side {
    rate: f64,
    memory: f64,
    losses: Vec<f64>,
}

impl Side {
    fn take(&mut self, result: &Value) -> Result<()> {
        self.rate = self.rate.max(result["tokens_per_second"].as_f64().context("a rate")?);
        self.memory = self.memory.max(result["peak_rss_bytes"].as_f64().unwrap_or(f64::NAN));
        let losses = result["losses"].as_array().context("losses")?;
        self.losses = losses.iter().filter_map(Value::as_f64).collect();
        Ok(())
    }
}

fn compare(ours: &Side, peers: &Side) -> Result<()> {
    if ours.losses.len() != peers.losses.len() {
        bail!("expected as many steps on both sides, found {} and {}", ours.losses.len(), peers.losses.len());
    }
    let worst = ours.losses.iter().zip(&peers.losses).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if worst.is_nan() || worst > TOLERANCE {
        bail!("the losses differ by {worst}: {:?} and {:?}", ours.losses, peers.losses);
    }
    eprintln!("    losses agree to {worst:.1e}: {:?}", ours.losses);
    Ok(())
}

fn report(args: &Args, method: &str, ours: &Side, peers: &Side) {
    let gib = f64::from(1u32 << 30);
    eprintln!(
        "{} {method}: lobass {:.0} tokens/s and {:.2} GiB, transformers {:.0} tokens/s and {:.2} GiB: {:.2} times the \
         speed in {:.2} of the memory",
        args.shape,
        ours.rate,
        ours.memory / gib,
        peers.rate,
        peers.memory / gib,
        ours.rate / peers.rate,
        ours.memory / peers.memory
    );
}

/// A random checkpoint, an adapter for it, and sequences: those of one step, and, for the other side, of all steps.
fn make_material(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    let (shape, count) = (&args.shape, args.sequences.to_string());
    shell.create_dir(DIR)?;
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

fn run_ours(shell: &Shell, args: &Args, method: &str) -> Result<Value> {
    let shape = &args.shape;
    let request = json!({
        "checkpoint": format!("{DIR}/{shape}"),
        "adapter": (method == "lora").then(|| format!("{DIR}/{shape}-adapter")),
        "sequences": format!("{DIR}/step.json"),
        "out": format!("{DIR}/ours.json"),
        "steps": args.steps,
        "threads": THREADS,
        "learning_rate": LEARNING_RATE.parse::<f64>()?,
        "micro_batch_tokens": MICRO_BATCH_TOKENS,
        "recompute": args.recompute,
        "dtype": "f32",
    });
    shell.write_file(format!("{DIR}/request.json"), request.to_string())?;
    cmd!(shell, "target/release/train-peer {DIR}/request.json").run()?;
    Ok(serde_json::from_str(&shell.read_file(format!("{DIR}/ours.json"))?)?)
}

fn run_peer(shell: &Shell, args: &Args, method: &str, python: &str) -> Result<Value> {
    let (shape, steps, size) = (&args.shape, args.steps.to_string(), args.sequences.to_string());
    let adapter = format!("{DIR}/{shape}-adapter");
    let adapter: &[&str] = if method == "lora" { &["--adapter", &adapter] } else { &[] };
    let (threads, tokens) = (THREADS.to_string(), MICRO_BATCH_TOKENS.to_string());
    cmd!(
        shell,
        "{python} benches/peers/train.py --checkpoint {DIR}/{shape} --sequences {DIR}/steps.json --method {method}
         {adapter...} --learning-rate {LEARNING_RATE} --batch-size {size} --micro-batch-tokens {tokens} --steps {steps}
         --threads {threads} --out {DIR}/peer.json"
    )
    .env("HF_HUB_OFFLINE", "1")
    .run()?;
    Ok(serde_json::from_str(&shell.read_file(format!("{DIR}/peer.json"))?)?)
}
