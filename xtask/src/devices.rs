//! GPU back ends, as far as a machine without a graphics card can test them.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check the types of the CUDA and Vulkan back ends, and build and run nothing
    #[arg(long)]
    check_only: bool,
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
    eprintln!("==> wgpu against the processor");
    cmd!(
        shell,
        "cargo test --locked --profile devices --package lobass-tests --features wgpu --test devices"
    )
    .run()
    .context(
        "the wgpu back end failed its tests, or found no graphics card and no Vulkan driver in software",
    )?;
    Ok(())
}
