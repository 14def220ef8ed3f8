//! Selection beside DuckDB and Polars: the rows with the largest relative loss reduction of one score table.

use std::num::NonZeroUsize;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use xshell::Shell;

use super::table::table;
use super::{GIB, build, run_ours, run_peer};
use crate::python;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rows of the table, of which a twentieth is selected
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    rows: u64,
    /// How often all sides are run, alternating; the fastest run of each counts
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroUsize,
}

const ENVIRONMENT: &str = "target/peers/select-venv";
const REQUIREMENTS: &str = "benches/peers/requirements.txt";

/// An engine, and what decides between equal scores: nothing, or the key.
#[derive(Debug)]
struct Peer {
    engine: &'static str,
    order: &'static str,
}

const PEERS: [Peer; 4] = [
    Peer { engine: "duckdb", order: "score" },
    Peer { engine: "polars", order: "score" },
    Peer { engine: "duckdb", order: "key" },
    Peer { engine: "polars", order: "key" },
];

/// The best of one side's runs.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// The time of the fastest run.
    seconds: f64,
    /// In bytes, of the run that took the most; NaN where the system does not tell.
    memory: f64,
}

impl Side {
    const NONE: Self = Self { seconds: f64::INFINITY, memory: f64::NAN };

    fn take(&mut self, run: &Value) -> Result<()> {
        self.seconds = self.seconds.min(run["seconds"].as_f64().context("a run without a time")?);
        self.memory = self.memory.max(run["peak_rss_bytes"].as_f64().unwrap_or(f64::NAN));
        Ok(())
    }
}

pub(super) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let python = python::environment(shell, ENVIRONMENT, &["--requirement", REQUIREMENTS])?;
    let table = table(shell, args.rows)?;
    build(shell, "select-peer")?;
    let keep = (args.rows / 20).max(1);
    let (mut ours, mut peers) = (Side::NONE, PEERS.map(|_| Side::NONE));
    for round in 1..=args.rounds.get() {
        eprintln!("==> round {round} of {}", args.rounds);
        let budget = keep.to_string();
        let request = json!({"table": table, "strategy": "lobass", "budget": budget, "rows": true});
        let run_of_ours = run_ours(shell, "select-peer", request)?;
        ours.take(&run_of_ours)?;
        for (peer, side) in PEERS.iter().zip(&mut peers) {
            let options = [
                format!("--engine={}", peer.engine),
                format!("--order={}", peer.order),
                format!("--table={table}"),
                format!("--keep={keep}"),
            ];
            let run = run_peer(shell, &python, "select_rows.py", &options)?;
            check_same(&run_of_ours, &run).with_context(|| format!("lobass and {}", peer.engine))?;
            side.take(&run)?;
        }
    }
    eprintln!("\n{}", report(ours, peers));
    Ok(())
}

/// Both sides chose the same rows, except for those that share the last one's score.
fn check_same(ours: &Value, peer: &Value) -> Result<()> {
    let rows = |run: &Value| -> Result<Vec<u64>> {
        let rows = run["rows"].as_array().context("a run without rows")?;
        let mut rows: Vec<u64> =
            rows.iter().map(|row| row.as_u64().context("a row is a number")).collect::<Result<_>>()?;
        rows.sort_unstable();
        Ok(rows)
    };
    let (mine, others) = (rows(ours)?, rows(peer)?);
    if ours["last"] != peer["last"] || ours["n_selected"] != peer["n_selected"] {
        bail!("expected the same last score, found {} and {}", ours["last"], peer["last"]);
    }
    if mine != others {
        let differ = mine.iter().zip(&others).find(|(mine, other)| mine != other);
        bail!("expected the same rows, found {} and {}: {differ:?}", mine.len(), others.len());
    }
    Ok(())
}

fn report(ours: Side, peers: [Side; 4]) -> String {
    let mut lines = vec![
        "| | ties | time | peak memory | time over lobass\'s | memory over lobass\'s |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
        format!("| lobass | a hash of the key | {:.2} s | {:.2} GiB | | |", ours.seconds, ours.memory / GIB),
    ];
    for (Peer { engine, order }, side) in PEERS.iter().zip(peers) {
        let ties = if *order == "key" { "the key" } else { "as they come" };
        lines.push(format!(
            "| {engine} | {ties} | {:.2} s | {:.2} GiB | {:.2} | {:.2} |",
            side.seconds,
            side.memory / GIB,
            side.seconds / ours.seconds,
            side.memory / ours.memory,
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rows: &[u64], last: f64) -> Value {
        json!({"rows": rows, "last": last, "n_selected": 4})
    }

    #[test]
    fn the_same_rows_in_any_order() {
        let ours = result(&[3, 1, 2], 0.5);
        assert!(check_same(&ours, &result(&[1, 2, 3], 0.5)).is_ok());
        for wrong in [result(&[1, 2, 4], 0.5), result(&[1, 2], 0.5), result(&[1, 2, 3], 0.25), json!({})] {
            assert!(check_same(&ours, &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_fastest_run_and_the_largest_memory_count() {
        let mut side = Side::NONE;
        for (seconds, memory) in [(3.0, 5), (1.0, 7), (2.0, 6)] {
            side.take(&json!({"seconds": seconds, "peak_rss_bytes": memory})).unwrap();
        }
        assert_eq!((side.seconds, side.memory), (1.0, 7.0));
        assert!(side.take(&json!({})).is_err());
    }
}
