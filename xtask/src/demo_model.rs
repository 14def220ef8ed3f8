//! The demo's checkpoint, tokenizer, and pool, made again.

use anyhow::Result;
use xshell::{Shell, cmd};

pub(crate) fn run(shell: &Shell) -> Result<()> {
    let assets = "crates/lobass-demo/assets";
    cmd!(shell, "cargo run --package lobass-demo --example pretrain -- {assets}").run()?;
    eprintln!("==> what changed");
    cmd!(shell, "git status --short {assets}").run()?;
    Ok(())
}
