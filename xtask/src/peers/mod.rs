//! Comparisons with others: the same material, one side after the other, in rounds.

mod generate;
mod growth;
mod ifd;
mod llama;
mod material;
mod product;
mod scale;
mod score;
mod select;
mod table;
mod train;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

/// Comparisons that are measured alone, so that nothing else is running.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Comparison {
    /// Compare scoring with transformers
    #[command(name = "peers")]
    Score(score::Args),
    /// Compare single products with those of torch
    #[command(name = "product-peers")]
    Product(product::Args),
    /// Compare IFD with wana, and with the loop that papers publish
    #[command(name = "ifd-peers")]
    Ifd(ifd::Args),
    /// Compare training with transformers and PEFT
    #[command(name = "train-peers")]
    Train(train::Args),
    /// Compare sampling with transformers and llama.cpp
    #[command(name = "generate-peers")]
    Generate(generate::Args),
    /// Compare selection with DuckDB and Polars
    #[command(name = "select-peers")]
    Select(select::Args),
    /// Measure how costs grow with rows, lengths, threads, and weights
    Growth(growth::Args),
    /// Measure every strategy on one large score table, its time and its memory
    #[command(name = "select-scale")]
    Scale(scale::Args),
}

/// Where the material and the results are.
const DIR: &str = "target/peers";
const THREADS: usize = 2;
/// Number formats, and their names in torch.
const DTYPES: [(&str, &str); 2] = [("f32", "float32"), ("bf16", "bfloat16")];
const GIB: f64 = (1u64 << 30) as f64;

pub(crate) fn run(shell: &Shell, comparison: &Comparison) -> Result<()> {
    shell.create_dir(DIR)?;
    match comparison {
        Comparison::Score(args) => score::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Product(args) => product::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Ifd(args) => ifd::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Train(args) => train::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Generate(args) => generate::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Select(args) => select::run(shell, args),
        Comparison::Growth(args) => growth::run(shell, args, &crate::golden::environment(shell)?),
        Comparison::Scale(args) => scale::run(shell, args),
    }
}

/// The best of one side's runs.
#[derive(Debug)]
struct Side {
    /// Tokens a second, of the fastest run.
    rate: f64,
    /// In bytes, of the run that took the most; NaN where the system does not tell.
    memory: f64,
    /// In nats a token, of the last run: of steps, or of sequences.
    losses: Vec<f64>,
}

impl Side {
    fn new() -> Self {
        Self { rate: 0.0, memory: f64::NAN, losses: Vec::new() }
    }

    /// Counts a run in, with its losses as `losses_of` finds them.
    fn take(&mut self, run: &Value, losses_of: impl Fn(&Value) -> Result<Vec<f64>>) -> Result<()> {
        self.rate = self.rate.max(run["tokens_per_second"].as_f64().context("a run without a rate")?);
        self.memory = self.memory.max(run["peak_rss_bytes"].as_f64().unwrap_or(f64::NAN));
        self.losses = losses_of(run)?;
        Ok(())
    }

    /// How our side compares with another, in words.
    fn beside(&self, name: &str, peers: &Self) -> String {
        format!(
            "lobass {:.0} tokens/s and {:.2} GiB, {name} {:.0} tokens/s and {:.2} GiB: {:.2} times the speed in {:.2} of \
             the memory",
            self.rate,
            self.memory / GIB,
            peers.rate,
            peers.memory / GIB,
            self.rate / peers.rate,
            self.memory / peers.memory
        )
    }
}

/// The largest difference between the losses of both sides.
///
/// # Errors
/// If it is above `tolerance`, in nats a token, or if one of the two has another number of losses.
fn worst_difference(ours: &Side, peers: &Side, tolerance: f64) -> Result<f64> {
    let (n_ours, n_peers) = (ours.losses.len(), peers.losses.len());
    if n_ours != n_peers {
        bail!("expected as many losses on both sides, found {n_ours} and {n_peers}");
    }
    let mut worst = 0.0;
    for (at, (a, b)) in ours.losses.iter().zip(&peers.losses).enumerate() {
        let difference = (a - b).abs();
        if difference.is_nan() || difference > tolerance {
            bail!("loss {at}: expected a difference of at most {tolerance} nats, found {a} and {b}");
        }
        worst = difference.max(worst);
    }
    Ok(worst)
}

/// The numbers of a list in a run's result; a value that is no number is an error, such as NaN, which JSON lacks.
fn numbers(run: &Value, name: &str) -> Result<Vec<f64>> {
    let list = run[name].as_array().with_context(|| format!("a run without `{name}`"))?;
    let number = |value: &Value| value.as_f64().with_context(|| format!("`{name}`: `{value}` is no number"));
    list.iter().map(number).collect()
}

fn build(shell: &Shell, binary: &str) -> Result<()> {
    let features = features(binary);
    Ok(cmd!(shell, "cargo build --release --package lobass-benches {features...} --bin {binary}").run()?)
}

/// Selection needs no models, which take long to build.
fn features(binary: &str) -> &'static [&'static str] {
    match binary {
        "make-table" | "select-peer" | "product-peer" => &["--no-default-features"],
        _ => &[],
    }
}

/// One of our binaries with arguments; cargo knows where it builds.
fn run_binary(shell: &Shell, binary: &str, arguments: &[String]) -> Result<()> {
    let features = features(binary);
    let command =
        cmd!(shell, "cargo run --quiet --release --package lobass-benches {features...} --bin {binary}");
    Ok(command.arg("--").args(arguments).run()?)
}

/// Runs one of our binaries with a request, on all threads, and gives its result.
fn run_ours(shell: &Shell, binary: &str, request: Value) -> Result<Value> {
    run_ours_with(shell, binary, request, THREADS)
}

/// Runs one of our binaries with a request, on some threads, and gives its result.
fn run_ours_with(shell: &Shell, binary: &str, mut request: Value, threads: usize) -> Result<Value> {
    request["threads"] = threads.into();
    request["out"] = format!("{DIR}/ours.json").into();
    shell.write_file(format!("{DIR}/request.json"), request.to_string())?;
    run_binary(shell, binary, &[format!("{DIR}/request.json")])?;
    read(shell, "ours.json")
}

/// Runs one of the scripts of the other side, on all threads, and gives its result.
fn run_peer(shell: &Shell, python: &str, script: &str, args: &[String]) -> Result<Value> {
    run_peer_with(shell, python, script, args, THREADS)
}

/// Runs one of the scripts of the other side, on some threads, and gives its result.
fn run_peer_with(
    shell: &Shell,
    python: &str,
    script: &str,
    args: &[String],
    threads: usize,
) -> Result<Value> {
    let threads = threads.to_string();
    cmd!(shell, "{python} benches/peers/{script} {args...} --threads {threads} --out {DIR}/peer.json")
        .env("HF_HUB_OFFLINE", "1")
        .run()?;
    read(shell, "peer.json")
}

fn read(shell: &Shell, name: &str) -> Result<Value> {
    let text = shell.read_file(format!("{DIR}/{name}"))?;
    serde_json::from_str(&text).with_context(|| format!("{DIR}/{name} is no result"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn side(losses: &[f64]) -> Side {
        Side { losses: losses.to_vec(), ..Side::new() }
    }

    #[test]
    fn losses_that_differ_stop_the_comparison() {
        let ours = side(&[1.0, 2.0]);
        let worst = worst_difference(&ours, &side(&[1.25, 2.0]), 0.5).unwrap();
        assert_eq!(worst, 0.25);
        for wrong in [&[1.0, 2.75][..], &[1.0, f64::NAN], &[1.0], &[1.0, 2.0, 3.0]] {
            assert!(worst_difference(&ours, &side(wrong), 0.5).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_fastest_run_and_the_largest_memory_count() {
        let mut side = Side::new();
        for (rate, memory) in [(10, 5), (30, 7), (20, 6)] {
            let run = json!({"tokens_per_second": rate, "peak_rss_bytes": memory, "losses": [rate]});
            side.take(&run, |run| numbers(run, "losses")).unwrap();
        }
        assert_eq!((side.rate, side.memory, side.losses), (30.0, 7.0, vec![20.0]));
    }

    #[test]
    fn a_result_without_a_number_is_an_error() {
        assert!(numbers(&json!({"losses": [1.0, null]}), "losses").is_err());
        assert!(numbers(&json!({}), "losses").is_err());
    }
}
