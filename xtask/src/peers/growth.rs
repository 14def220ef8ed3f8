//! How costs grow: with rows, with their length, with threads, and with the weights of the model.

use std::num::NonZeroUsize;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use xshell::Shell;

use super::material::checkpoint;
use super::table::table;
use super::{DIR, GIB, build, run_ours, run_ours_with};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What grows
    #[arg(long, default_value = "all", value_parser = ["rows", "selection", "length", "threads", "model", "all"])]
    axis: String,
    /// How often each case is run; the fastest run counts
    #[arg(long, value_name = "N", default_value = "1")]
    rounds: NonZeroUsize,
}

/// A model of random weights, and sequences of uniform tokens, all of which are scored but the first.
#[derive(Debug, Clone, Copy)]
struct Case {
    axis: &'static str,
    shape: Shape,
    dtype: &'static str,
    threads: usize,
    rows: usize,
    length: usize,
}

/// A shape of `make_model.py`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shape {
    name: &'static str,
    vocab_size: usize,
    /// In millions.
    weights: f64,
}

const TOY: Shape = Shape { name: "toy", vocab_size: 2048, weights: 0.2 };
const M25: Shape = Shape { name: "m25", vocab_size: 8192, weights: 15.7 };
const M135: Shape = Shape { name: "m135", vocab_size: 49152, weights: 134.5 };
const QWEN05: Shape = Shape { name: "qwen05", vocab_size: 151_936, weights: 494.0 };
const QWEN15: Shape = Shape { name: "qwen15", vocab_size: 151_936, weights: 1543.7 };

/// Tokens of a row where rows grow: few, so that what a row costs beside its tokens shows.
const SHORT: usize = 32;
/// Tokens of every case where lengths grow. Two rows at least, since one row is run by one thread.
const TOKENS: usize = 2 * 8192;
/// Rows of the tables that are selected from.
const TABLES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn cases() -> Vec<Case> {
    let plain = Case { axis: "rows", shape: TOY, dtype: "f32", threads: 2, rows: 0, length: SHORT };
    let rows = [1_000, 10_000, 100_000, 1_000_000].map(|rows| Case { rows, ..plain });
    let of_length = |length| Case { axis: "length", shape: M135, rows: TOKENS / length, length, ..plain };
    let lengths = [128, 512, 2048, 8192].map(of_length);
    let of_threads = |(dtype, threads)| Case { axis: "threads", dtype, threads, rows: 32, ..of_length(256) };
    let threads = [("f32", 1), ("f32", 2), ("bf16", 1), ("bf16", 2)].map(of_threads);
    let of_shape = |shape| Case { axis: "model", shape, dtype: "bf16", rows: 8, ..of_length(256) };
    let shapes = [M25, M135, QWEN05, QWEN15].map(of_shape);
    [&rows[..], &lengths, &threads, &shapes].concat()
}

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    let is_wanted = |axis: &str| args.axis == "all" || args.axis == axis;
    let cases: Vec<Case> = cases().into_iter().filter(|case| is_wanted(case.axis)).collect();
    let mut scoring = vec![
        "| what grows | model | weights | threads | rows | tokens of a row | time | tokens/s | GFLOP/s | peak memory |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    if !cases.is_empty() {
        build(shell, "score-peer")?;
    }
    for case in &cases {
        eprintln!("==> {case:?}");
        scoring.push(case.line(&case.fastest(shell, python, args.rounds)?)?);
    }
    let mut selection = vec![
        "| rows | reading | selecting | summary | peak memory |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    if is_wanted("selection") {
        build(shell, "select-peer")?;
        for n_rows in TABLES {
            selection.push(selecting(n_rows, &fastest_selection(shell, n_rows, args.rounds)?)?);
        }
    }
    for lines in [scoring, selection].iter().filter(|lines| lines.len() > 2) {
        eprintln!("\n{}", lines.join("\n"));
    }
    Ok(())
}

impl Case {
    fn fastest(&self, shell: &Shell, python: &str, rounds: NonZeroUsize) -> Result<Value> {
        let dtype = if self.dtype == "f32" { "float32" } else { "bfloat16" };
        let checkpoint = checkpoint(shell, python, self.shape.name, self.shape.vocab_size, dtype)?;
        let sequences = format!("{DIR}/growth.json");
        shell.write_file(&sequences, json!(self.sequences()).to_string())?;
        let request = json!({"checkpoint": checkpoint, "sequences": sequences, "dtype": self.dtype});
        fastest(rounds, "seconds", || run_ours_with(shell, "score-peer", request.clone(), self.threads))
    }

    fn sequences(&self) -> Vec<Value> {
        let mut draw = Draw(0);
        let vocab_size = self.shape.vocab_size as u64;
        let sequence = |_| {
            let ids: Vec<u64> = (0..self.length).map(|_| draw.next() % vocab_size).collect();
            json!({"input_ids": ids, "scored": [[1, self.length]]})
        };
        (0..self.rows).map(sequence).collect()
    }

    fn line(&self, run: &Value) -> Result<String> {
        let Self { axis, shape, dtype, threads, rows, length } = *self;
        let rate = number(run, "tokens_per_second")?;
        // Two operations for each weight and token; products of attention are not counted.
        let gflops = 2.0 * shape.weights * 1e6 * rate / 1e9;
        Ok(format!(
            "| {axis} | {}, {} M | {dtype} | {threads} | {rows} | {length} | {:.2} s | {rate:.0} | {gflops:.0} | {:.2} \
             GiB |",
            shape.name,
            shape.weights,
            number(run, "seconds")?,
            run["peak_rss_bytes"].as_f64().unwrap_or(f64::NAN) / GIB,
        ))
    }
}

fn fastest_selection(shell: &Shell, n_rows: u64, rounds: NonZeroUsize) -> Result<Value> {
    let table = table(shell, n_rows)?;
    let request = json!({"table": table, "strategy": "lobass", "budget": "5%", "rows": false});
    fastest(rounds, "seconds", || run_ours(shell, "select-peer", request.clone()))
}

fn selecting(n_rows: u64, run: &Value) -> Result<String> {
    let milliseconds = |name: &str| Ok::<f64, anyhow::Error>(1e3 * number(run, name)?);
    Ok(format!(
        "| {n_rows} | {:.1} ms | {:.1} ms | {:.1} ms | {:.3} GiB |",
        milliseconds("seconds_reading")?,
        milliseconds("seconds_selecting")?,
        milliseconds("seconds_summarizing")?,
        run["peak_rss_bytes_summarizing"].as_f64().unwrap_or(f64::NAN) / GIB,
    ))
}

/// The run of which a number is least.
fn fastest(rounds: NonZeroUsize, name: &str, mut run: impl FnMut() -> Result<Value>) -> Result<Value> {
    let mut best = run()?;
    for _ in 1..rounds.get() {
        let next = run()?;
        if number(&next, name)? < number(&best, name)? {
            best = next;
        }
    }
    Ok(best)
}

fn number(run: &Value, name: &str) -> Result<f64> {
    run[name].as_f64().with_context(|| format!("a run without `{name}`"))
}

/// SplitMix64, so that sequences are the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_all_that_differs() {
        for axis in ["rows", "length", "threads", "model"] {
            let of_axis: Vec<Case> = cases().into_iter().filter(|case| case.axis == axis).collect();
            assert_eq!(of_axis.len(), 4, "{axis}");
            let of = |case: &Case| (case.shape, case.threads, case.rows * case.length, case.length);
            let (shape, threads, n_tokens, length) = of(&of_axis[0]);
            for case in &of_axis {
                assert!(axis == "model" || case.shape == shape);
                assert!(axis == "threads" || case.threads == threads);
                assert!(axis == "rows" || case.rows * case.length == n_tokens);
                assert!(axis == "length" || case.length == length);
            }
        }
    }

    #[test]
    fn sequences_are_below_the_vocabulary() {
        let case = Case { rows: 3, length: 5, ..cases()[0] };
        let sequences = case.sequences();
        let ids = |at: usize| sequences[at]["input_ids"].as_array().unwrap().clone();
        assert_eq!((sequences.len(), ids(0).len()), (3, 5));
        assert_ne!(ids(0), ids(1));
        assert!(ids(2).iter().all(|id| id.as_u64().unwrap() < 2048));
        assert_eq!(sequences[0]["scored"], json!([[1, 5]]));
    }

    #[test]
    fn the_fastest_run_counts() {
        let mut times = [3.0, 1.0, 2.0].into_iter();
        let rounds = NonZeroUsize::new(3).unwrap();
        let best = fastest(rounds, "seconds", || Ok(json!({"seconds": times.next()}))).unwrap();
        assert_eq!(best, json!({"seconds": 1.0}));
    }
}
