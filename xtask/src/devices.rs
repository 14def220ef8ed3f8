//! GPU back ends, as far as a machine without a graphics card can test them.

use std::{panic, thread};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

const HINT: &str = "the wgpu back end failed, or found no graphics card and no Vulkan driver in software";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check the types of the CUDA and Vulkan back ends, and build and run nothing
    #[arg(long)]
    check_only: bool,
    /// Also run the benchmark of cards to its end, with a toy shape
    #[arg(long, conflicts_with = "check_only")]
    bench: bool,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    eprintln!("==> types of the back ends that cannot be tested here");
    // Documentation builds of burn's CUDA back end skip the LLVM that it would fetch from outside the registry. What
    // comes out cannot be linked, but is compiled as far as types go.
    let packages = ["--package", "lobass-cli", "--package", "lobass-benches"];
    cmd!(shell, "cargo check --locked --profile devices {packages...} --bins --features cuda-nvrtc,vulkan")
        .env("DOCS_RS", "1")
        .run()?;
    if args.check_only {
        return Ok(());
    }
    let cargo = build();
    cmd!(shell, "cargo test {cargo...} --lib --test devices --no-run").run()?;
    eprintln!(
        "==> every operation, and losses and training of whole models, through wgpu and on the processor"
    );
    test(shell)?;
    if !args.bench {
        return Ok(());
    }
    eprintln!("==> the benchmark of cards, with a shape that a driver in software can run");
    let cargo = build();
    cmd!(shell, "cargo build {cargo...} --test devices --bin gpu-bench").run()?;
    let toy = ["--count", "8", "--median", "24", "--longest", "48", "--seconds", "1"];
    cmd!(shell, "benches/gpu/run.sh target/devices/gpu-bench wgpu {toy...}")
        .env("CONFIG", "benches/gpu/toy.json")
        .env("PATIENCE", "10")
        .env("RESULTS", "target/devices/gpu-results")
        .run()
        .context(HINT)?;
    Ok(())
}

/// Arguments of every build: always the same packages, features, and kinds of targets, so that nothing is built twice.
fn build() -> impl Iterator<Item = &'static str> {
    let packages = ["--package", "lobass-tests", "--package", "lobass-model", "--package", "lobass-benches"];
    let features = "lobass-tests/wgpu,lobass-model/wgpu,lobass-benches/wgpu";
    packages.into_iter().chain(["--locked", "--profile", "devices", "--features", features])
}

/// Tests of a process: the flags that choose its binary, and what the binary is given.
type Process = (&'static [&'static str], &'static [&'static str]);

/// What runs at the same time, each in a few processes one after the other. A driver in software compiles the kernels of
/// a process on one thread, and that is most of the work. Whole models of many kinds compile kernels for half an hour
/// there, so they are left out: the tests of losses and training have three.
const LANES: [&[Process]; 2] = [
    &[(&["--lib"], &["ops::", "--skip", "ops::tests::models", "--skip", "ops::tests::half"])],
    &[(&["--lib"], &["ops::tests::half"]), (&["--test", "devices"], &[])],
];

fn test(shell: &Shell) -> Result<()> {
    thread::scope(|scope| {
        let lanes = LANES.map(|lane| {
            let shell = shell.clone();
            scope.spawn(move || lane.iter().try_for_each(|process| test_process(&shell, *process)))
        });
        lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
    })
}

fn test_process(shell: &Shell, (binary, tests): Process) -> Result<()> {
    // One test at a time: each compiles its kernels.
    let (cargo, one) = (build(), ["--test-threads", "1"]);
    let output =
        cmd!(shell, "cargo test {cargo...} {binary...} -- {tests...} {one...}").ignore_status().output()?;
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        let tests = [binary, tests].concat().join(" ");
        bail!("`cargo test {tests}`: {HINT}");
    }
    Ok(())
}
