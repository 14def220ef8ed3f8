//! Damaged files of every kind that lobass reads. As a test it runs what was found before, and a few inputs more;
//! `cargo xtask fuzz` runs it for a given time, with a limit on memory.
//!
//! A panic ends the process, and so does an input that takes longer than [`watch::LIMIT`]. An error is right.
#![expect(clippy::unwrap_used, reason = "what cannot go on should panic")]
#![expect(clippy::print_stdout, reason = "it talks to `cargo xtask fuzz`")]

mod json;
mod mutate;
mod targets;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::{TARGETS, Target};

/// Inputs of a target when this is run as a test.
const FEW: u64 = 8;

/// The order from the arguments.
enum Order {
    Nothing,
    /// Inputs that were found before, and a few more.
    Test,
    /// Names of targets, for `cargo xtask fuzz`.
    List,
    /// One target until the time is over. Each input is written to a file first, so that it is there after a crash.
    Run {
        target: String,
        seed: u64,
        seconds: u64,
        current: PathBuf,
    },
    /// One input again.
    Replay {
        target: String,
        input: PathBuf,
    },
}

fn main() {
    match order(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Order::Nothing => {}
        Order::Test => TARGETS.iter().for_each(test),
        Order::List => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        Order::Run { target, seed, seconds, current } => {
            let n_inputs = run(find(&target), seed, Duration::from_secs(seconds), &current);
            println!("{n_inputs}");
        }
        Order::Replay { target, input } => {
            let target = find(&target);
            let dir = tempfile::tempdir().unwrap();
            (target.prepare)(dir.path());
            watch::start();
            watch::input(|| (target.run)(dir.path(), &fs_err::read(input).unwrap()));
        }
    }
}

fn order(arguments: &[String]) -> Order {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["targets"] => Order::List,
        ["run", target, seed, seconds, current] => Order::Run {
            target: target.to_owned(),
            seed: seed.parse().unwrap(),
            seconds: seconds.parse().unwrap(),
            current: current.into(),
        },
        ["replay", target, input] => Order::Replay { target: target.to_owned(), input: input.into() },
        // `cargo test` gives filters, and runners ask for a list of tests, which is empty.
        _ if words.contains(&"--list") => Order::Nothing,
        _ => Order::Test,
    }
}

fn find(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target `{name}`"))
}

/// Inputs that were found before, and a few new ones, which are the same each time.
fn test(target: &Target) {
    let dir = tempfile::tempdir().unwrap();
    let seeds = (target.prepare)(dir.path());
    for seed in &seeds {
        (target.run)(dir.path(), seed);
    }
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target.name);
    if found.is_dir() {
        for entry in fs_err::read_dir(found).unwrap() {
            (target.run)(dir.path(), &fs_err::read(entry.unwrap().path()).unwrap());
        }
    }
    let mut mutator = Mutator::new(0, target.kind);
    for _ in 0..FEW {
        (target.run)(dir.path(), &mutator.input(&seeds));
    }
    println!("fuzz: {} ok", target.name);
}

fn run(target: &Target, seed: u64, time: Duration, current: &Path) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let seeds = (target.prepare)(dir.path());
    let mut mutator = Mutator::new(seed, target.kind);
    watch::start();
    let (start, mut n_inputs) = (Instant::now(), 0);
    while start.elapsed() < time {
        let input = mutator.input(&seeds);
        fs_err::write(current, &input).unwrap();
        watch::input(|| (target.run)(dir.path(), &input));
        n_inputs += 1;
    }
    n_inputs
}
