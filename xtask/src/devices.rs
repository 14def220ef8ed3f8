//! GPU back ends, as far as a machine without a graphics card can test them.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

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
    // Always the same packages, features, and kinds of targets, so that nothing is built twice.
    let packages = ["--package", "lobass-tests", "--package", "lobass-model", "--package", "lobass-benches"];
    let features = "lobass-tests/wgpu,lobass-model/wgpu,lobass-benches/wgpu";
    let build = || packages.into_iter().chain(["--locked", "--profile", "devices", "--features", features]);
    let hint = "the wgpu back end failed, or found no graphics card and no Vulkan driver in software";
    // One test at a time: each compiles its kernels.
    let one = ["--test-threads", "1"];
    eprintln!("==> every operation through wgpu, against the processor");
    let cargo = build();
    // Whole models of many kinds compile kernels for half an hour on a driver in software; what follows has three.
    let skip = ["--skip", "ops::tests::models"];
    cmd!(shell, "cargo test {cargo...} --lib -- ops:: {one...} {skip...}").run().context(hint)?;
    eprintln!("==> losses and training of whole models through wgpu, against the processor");
    let cargo = build();
    cmd!(shell, "cargo test {cargo...} --test devices -- {one...}").run().context(hint)?;
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
        .context(hint)?;
    Ok(())
}
