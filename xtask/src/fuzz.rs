//! Damaged files of every kind, for as long as one wants: runs the test target `fuzz` in processes that may take 2 GiB
//! and 10 s for an input. What ends one is kept.
//!
//! The mutator is our own. Fuzzers that follow coverage (libFuzzer, and what is built on it) need an instrumented build
//! of everything, for which stable Rust has no supported flags, and which would take CI longer than the fuzzing. Without
//! coverage, `bolero` and `arbtest` make inputs from nothing, which do not get past the first check of a Parquet or
//! safetensors reader. So inputs are damaged copies of real files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args as Arguments;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::cuda_binary::target_dir;

/// Memory that a process may address, in KiB: 2 GiB beside what it maps at its start.
const MEMORY_KIB: u64 = (2 << 20) + (1 << 19);
/// How long a process runs before targets take turns, and the sandbox is made again.
const TURN: Duration = Duration::from_mins(1);

/// Options of `cargo xtask fuzz`.
#[derive(Debug, Arguments)]
pub(crate) struct Args {
    /// How long, over all targets
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// One target alone; `--target list` names them
    #[arg(long)]
    target: Option<String>,
    /// Where the inputs begin; the same seed gives the same inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// How inputs of one kind went.
#[derive(Debug, Default)]
struct Tally {
    n_inputs: u64,
    /// By what the process said last.
    findings: BTreeMap<String, PathBuf>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let kept = target_dir(shell)?.join("fuzz");
    fs_err::create_dir_all(&kept)?;
    // A copy, so that the next build does not change what is run.
    let program = kept.join("program");
    fs_err::copy(build(shell)?, &program)?;
    let listed = said(&Command::new(&program).arg("targets").output()?);
    let mut targets: Vec<&str> = listed.lines().collect();
    match args.target.as_deref() {
        Some("list") => {
            eprint!("{listed}");
            return Ok(());
        }
        Some(one) if targets.contains(&one) => targets = vec![one],
        Some(other) => bail!("no target `{other}`; there are {}", targets.join(", ")),
        None => {}
    }
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut seed = args.seed;
    while Instant::now() < end {
        for (at, target) in targets.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(targets.len() - at)?;
            let turn = share.min(TURN).max(Duration::from_secs(1));
            let tally = tallies.entry(target).or_default();
            take_turn(&program, target, seed, turn, &kept, tally)?;
        }
        seed += 1;
    }
    report(&tallies)
}

/// The test target as `cargo test --features full` builds it.
fn build(shell: &Shell) -> Result<PathBuf> {
    let output =
        cmd!(shell, "cargo test --locked --features full --no-run --test fuzz --message-format json")
            .read()?;
    let messages = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| {
        let is_fuzz = message["target"]["name"] == "fuzz";
        message["executable"].as_str().filter(|_| is_fuzz).map(PathBuf::from)
    });
    programs.next().context("cargo names no executable of the test target `fuzz`")
}

/// Runs a target until its time is over, in a new process after each that ended before.
fn take_turn(
    program: &Path,
    target: &str,
    seed: u64,
    turn: Duration,
    kept: &Path,
    tally: &mut Tally,
) -> Result<()> {
    let end = Instant::now() + turn;
    let current = kept.join(format!("{target}.current"));
    // Every process has different inputs.
    for again in 0.. {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let (seed, seconds) = ((seed << 20) + again, left.as_secs().max(1));
        let words = ["run", target, &seed.to_string(), &seconds.to_string(), &current.display().to_string()];
        let output = limited(program, &words).output()?;
        if output.status.success() {
            tally.n_inputs += said(&output).trim().parse::<u64>().unwrap_or_default();
            break;
        }
        keep(program, target, &current, kept, &output, tally)?;
    }
    Ok(())
}

/// Keeps the input that ended a process, if it does so again and nothing of its kind was kept before.
fn keep(
    program: &Path,
    target: &str,
    current: &Path,
    kept: &Path,
    output: &Output,
    tally: &mut Tally,
) -> Result<()> {
    if !current.exists() {
        bail!("target `{target}` failed before its first input: {}", String::from_utf8_lossy(&output.stderr));
    }
    let again = limited(program, &["replay", target, &current.display().to_string()]).output()?;
    let why = why(if again.status.success() { output } else { &again });
    if again.status.success() && why.contains("takes longer") {
        // The machine was busy with something else.
        return Ok(());
    }
    if !tally.findings.contains_key(&why) {
        let path = kept.join(format!("{target}-{}", tally.findings.len()));
        fs_err::copy(current, &path)?;
        eprintln!("{target}: {why}\n  {}", path.display());
        tally.findings.insert(why, path);
    }
    Ok(())
}

/// A process that gets no more than its memory, where the shell can limit it.
fn limited(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -v {MEMORY_KIB} 2>/dev/null; exec \"$0\" \"$@\""));
    command.arg(program).args(words);
    // Heaps of threads take addresses that nothing uses.
    command.env("MALLOC_ARENA_MAX", "2").env("RAYON_NUM_THREADS", "2").env("RUST_BACKTRACE", "0");
    command
}

/// The last message of a process: the place of a panic, or the reason why it was ended.
fn why(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.is_empty()).collect();
    let panicked = lines.iter().rposition(|line| line.contains("panicked at"));
    match (panicked, lines.last()) {
        (Some(at), _) => lines[at..].iter().take(2).copied().collect::<Vec<_>>().join(" "),
        (None, Some(last)) => (*last).to_owned(),
        (None, None) => format!("ended with {}", output.status),
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn report(tallies: &BTreeMap<&str, Tally>) -> Result<()> {
    let mut n_findings = 0;
    for (target, Tally { n_inputs, findings }) in tallies {
        eprintln!("{target:18} {n_inputs:>10} inputs, {} findings", findings.len());
        n_findings += findings.len();
    }
    if n_findings > 0 {
        bail!("{n_findings} findings; `tests/fuzz/found/TARGET/` keeps inputs as tests");
    }
    Ok(())
}
