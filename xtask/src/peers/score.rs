//! Scoring beside transformers: the losses of the same sequences under the same weights.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use xshell::Shell;

use super::material::{Cut, Sets, checkpoint};
use super::{Side, build, numbers, run_ours, run_peer, worst_difference};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workload
    #[arg(long, default_value = "all", value_parser = ["alpaca", "uniform", "small", "chat", "all"])]
    workload: String,
    /// The number format of the weights, and on the other side of all computation. `split2` and `split3` run in f32, with
    /// weights that are stored in bf16; the other side multiplies in f32
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16", "split2", "split3", "both"])]
    dtype: String,
    /// How often both sides are run, alternating; the fastest run of each counts [default: 3, in bf16 1]
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// Score the first N rows of a workload, or as many as it has [default: 512, in bf16 64]
    #[arg(long, value_name = "N", conflicts_with = "full")]
    rows: Option<NonZeroUsize>,
    /// Score every row
    #[arg(long)]
    full: bool,
    /// Also compare with the loop that takes one sequence at a time, on at most 64 rows of `alpaca`, once
    #[arg(long)]
    batch_one: bool,
    /// Alpaca rows, a JSON array [default: `../shared/data/alpaca_random_9k.json` if it is there, else invented rows]
    #[arg(long, value_name = "FILE")]
    alpaca: Option<PathBuf>,
}

#[derive(Debug)]
struct Workload {
    name: &'static str,
    shape: &'static str,
    vocab_size: usize,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "alpaca", shape: "m135", vocab_size: 32768 },
    Workload { name: "uniform", shape: "m135", vocab_size: 32768 },
    Workload { name: "small", shape: "m25", vocab_size: 8192 },
    Workload { name: "chat", shape: "m135", vocab_size: 32768 },
];

#[derive(Debug)]
struct Dtype {
    name: &'static str,
    torch: &'static str,
    stored: &'static str,
    /// The tolerance of the mean loss of a sequence, in nats a token.
    tolerance: f64,
    rounds: usize,
    rows: usize,
}

const DTYPES: [Dtype; 4] = [
    // Two orders of summation.
    Dtype { name: "f32", torch: "float32", stored: "float32", tolerance: 1e-3, rounds: 3, rows: 512 },
    // The same rounded weights, but torch rounds after every operation, and lobass before products at most; what that
    // does to a token hardly averages out in a response of two. Fewer rows: on a processor without units for bf16,
    // torch is ten times slower than in f32.
    Dtype { name: "bf16", torch: "bfloat16", stored: "bfloat16", tolerance: 0.05, rounds: 1, rows: 64 },
    // Activations of 16 and 24 bits, weights as they are stored.
    Dtype { name: "split2", torch: "float32", stored: "bfloat16", tolerance: 0.01, rounds: 3, rows: 512 },
    Dtype { name: "split3", torch: "float32", stored: "bfloat16", tolerance: 1e-3, rounds: 3, rows: 512 },
];

/// Tokens of a batch on the other side, with padding: the fastest of these counts.
const BATCH_TOKENS: [usize; 3] = [1024, 2048, 4096];

/// Rows of the loop without batches, which takes its time.
const BATCH_ONE_ROWS: usize = 64;

/// One line of the result.
#[derive(Debug)]
struct Case {
    workload: &'static Workload,
    dtype: &'static Dtype,
    rounds: usize,
    rows: usize,
    /// Whether the other side takes one sequence at a time.
    batch_one: bool,
}

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "score-peer")?;
    let sets = Sets::make(shell, python, args.alpaca.as_deref())?;
    eprintln!("==> rows: {}", sets.source);
    let mut table = vec![
        "| workload | weights | rows | rounds | speed | peak memory | worst difference of a row's mean |"
            .to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for case in cases(args) {
        let cut = sets.cut(shell, case.workload.name, case.rows)?;
        eprintln!("==> {}: {} rows, {} tokens", case.name(), cut.n_rows, cut.n_tokens);
        table.push(measure(shell, python, &case, &cut)?);
    }
    eprintln!("\n{}", table.join("\n"));
    Ok(())
}

fn cases(args: &Args) -> Vec<Case> {
    let mut cases = Vec::new();
    let is_asked =
        |name: &str| args.dtype == name || (args.dtype == "both" && ["f32", "bf16"].contains(&name));
    for dtype in DTYPES.iter().filter(|dtype| is_asked(dtype.name)) {
        let rounds = args.rounds.map_or(dtype.rounds, NonZeroUsize::get);
        let rows = args.rows.map_or(if args.full { usize::MAX } else { dtype.rows }, NonZeroUsize::get);
        let workloads =
            WORKLOADS.iter().filter(|workload| args.workload == "all" || args.workload == workload.name);
        cases.extend(workloads.map(|workload| Case { workload, dtype, rounds, rows, batch_one: false }));
        if args.batch_one {
            let (workload, rows) = (&WORKLOADS[0], rows.min(BATCH_ONE_ROWS));
            cases.push(Case { workload, dtype, rounds: 1, rows, batch_one: true });
        }
    }
    cases
}

impl Case {
    fn name(&self) -> String {
        let how = if self.batch_one { ", one at a time" } else { "" };
        format!("{}{how}, {}", self.workload.name, self.dtype.name)
    }

    /// Tokens of a batch that are tried on the other side. A loop without batches has none, so the first stands for it.
    fn budgets(&self) -> &'static [usize] {
        if self.batch_one { &BATCH_TOKENS[..1] } else { &BATCH_TOKENS }
    }
}

/// Runs both sides of a case; says how they compare, and gives the row of the table.
fn measure(shell: &Shell, python: &str, case: &Case, cut: &Cut) -> Result<String> {
    let Workload { shape, vocab_size, .. } = *case.workload;
    let checkpoint = checkpoint(shell, python, shape, vocab_size, case.dtype.stored)?;
    let (mut ours, mut worst) = (Side::new(), 0f64);
    let mut peers: Vec<(usize, Side)> = case.budgets().iter().map(|tokens| (*tokens, Side::new())).collect();
    for round in 1..=case.rounds {
        eprintln!("==> {}, round {round} of {}", case.name(), case.rounds);
        let run_of_ours = score_ours(shell, case, &checkpoint, cut)?;
        ours.take(&run_of_ours, means)?;
        for (tokens, peer) in &mut peers {
            let run_of_peer = score_peer(shell, python, case, &checkpoint, cut, *tokens)?;
            if run_of_ours["n_scored"] != run_of_peer["n_scored"] {
                bail!("expected as many scored tokens of every row on both sides, found other numbers");
            }
            peer.take(&run_of_peer, means)?;
            worst = worst.max(worst_difference(&ours, peer, case.dtype.tolerance)?);
        }
    }
    let (tokens, best) = fastest(&peers);
    let how = if case.batch_one { String::new() } else { format!(", in batches of {tokens} tokens there") };
    eprintln!("{}: {}{how}; losses agree to {worst:.1e}", case.name(), ours.beside("transformers", best));
    let name = if case.batch_one { "alpaca, one at a time" } else { case.workload.name };
    Ok(format!(
        "| {name} | {} | {} | {} | {:.2} | {:.2} | {worst:.0e} |",
        case.dtype.name,
        cut.n_rows,
        case.rounds,
        ours.rate / best.rate,
        ours.memory / best.memory,
    ))
}

/// The other side with the batches that are fastest.
fn fastest(peers: &[(usize, Side)]) -> (usize, &Side) {
    let best = peers.iter().max_by(|(_, a), (_, b)| a.rate.total_cmp(&b.rate));
    best.map(|(tokens, side)| (*tokens, side)).expect("a case has budgets")
}

/// The mean loss of every sequence, in nats a token; 0 for one of which nothing is scored.
pub(super) fn means(run: &Value) -> Result<Vec<f64>> {
    let (sums, n_scored) = (numbers(run, "sums")?, numbers(run, "n_scored")?);
    if sums.len() != n_scored.len() {
        bail!("expected a number of tokens for each of {} sums, found {}", sums.len(), n_scored.len());
    }
    Ok(sums.iter().zip(n_scored).map(|(sum, n_scored)| sum / n_scored.max(1.0)).collect())
}

fn score_ours(shell: &Shell, case: &Case, checkpoint: &str, cut: &Cut) -> Result<Value> {
    let request = json!({"checkpoint": checkpoint, "sequences": cut.path, "dtype": case.dtype.name});
    run_ours(shell, "score-peer", request)
}

fn score_peer(
    shell: &Shell,
    python: &str,
    case: &Case,
    checkpoint: &str,
    cut: &Cut,
    batch_tokens: usize,
) -> Result<Value> {
    let mut options = vec![
        format!("--checkpoint={checkpoint}"),
        format!("--sequences={}", cut.path),
        format!("--dtype={}", case.dtype.torch),
        format!("--batch-tokens={batch_tokens}"),
    ];
    options.extend(case.batch_one.then(|| "--batch-one".to_owned()));
    run_peer(shell, python, "score.py", &options)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn cases_of(line: &str) -> Vec<String> {
        let args = Line::try_parse_from(format!("peers {line}").split_whitespace()).unwrap().args;
        cases(&args).iter().map(|case| format!("{}: {} x {}", case.name(), case.rows, case.rounds)).collect()
    }

    #[test]
    fn every_workload_and_format_is_one_case() {
        assert_eq!(cases_of("").len(), WORKLOADS.len());
        assert_eq!(cases_of("--dtype both").len(), WORKLOADS.len() * 2);
        for workload in &WORKLOADS {
            let expected = format!("{}, f32: 512 x 3", workload.name);
            assert_eq!(cases_of(&format!("--workload {}", workload.name)), [expected]);
        }
    }

    #[test]
    fn bf16_is_less_unless_told_otherwise() {
        assert_eq!(cases_of("--workload chat --dtype bf16"), ["chat, bf16: 64 x 1"]);
        assert_eq!(cases_of("--workload chat --dtype bf16 --rows 9 --rounds 2"), ["chat, bf16: 9 x 2"]);
    }

    #[test]
    fn the_fastest_batches_count() {
        let side = |rate| Side { rate, ..Side::new() };
        let peers = [(1024, side(2.0)), (2048, side(3.0)), (4096, side(1.0))];
        assert_eq!(fastest(&peers).0, 2048);
    }

    #[test]
    fn one_at_a_time_is_once_on_few_rows() {
        let found = cases_of("--workload small --rounds 2 --batch-one");
        assert_eq!(found, ["small, f32: 512 x 2", "alpaca, one at a time, f32: 64 x 1"]);
        assert_eq!(cases_of("--workload small --rows 8 --batch-one")[1], "alpaca, one at a time, f32: 8 x 1");
    }

    #[test]
    fn a_mean_is_over_scored_tokens() {
        let run = json!({"sums": [3.0, 0.0], "n_scored": [2, 0]});
        assert_eq!(means(&run).unwrap(), [1.5, 0.0]);
        assert!(means(&json!({"sums": [3.0], "n_scored": []})).is_err());
    }
}
