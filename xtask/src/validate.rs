//! Everything a change has to pass, cheapest first.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

pub(crate) fn run(shell: &Shell) -> Result<()> {
    step("fmt");
    cmd!(shell, "cargo fmt --all --check").run()?;
    step("tidy");
    crate::tidy::run(&crate::root())?;
    let absent = [deny(shell)?, typos(shell)?];
    step("clippy");
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    step("doc");
    cmd!(shell, "cargo doc --workspace --no-deps --locked --quiet")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    step("test");
    cmd!(shell, "cargo test --locked").run()?;
    step("benches, each once");
    cmd!(shell, "cargo test --locked --package lobass-benches --benches").run()?;
    report(absent)
}

fn step(name: &str) {
    eprintln!("\n==> {name}");
}

/// Licenses and sources of what we depend on. Advisories change without us: `cargo deny check advisories`, online.
fn deny(shell: &Shell) -> Result<Option<&'static str>> {
    if cmd!(shell, "cargo deny --version").quiet().ignore_stderr().read().is_err() {
        return Ok(Some("cargo-deny"));
    }
    step("deny");
    cmd!(shell, "cargo deny --locked check bans licenses sources").run()?;
    Ok(None)
}

fn typos(shell: &Shell) -> Result<Option<&'static str>> {
    if cmd!(shell, "typos --version").quiet().ignore_stderr().read().is_err() {
        return Ok(Some("typos-cli"));
    }
    step("typos");
    cmd!(shell, "typos").run()?;
    Ok(None)
}

/// A check that could not run is no success.
fn report(absent: [Option<&str>; 2]) -> Result<()> {
    let absent: Vec<&str> = absent.into_iter().flatten().collect();
    if absent.is_empty() {
        eprintln!("\neverything passed");
        return Ok(());
    }
    bail!("everything that ran passed, but not everything ran: `cargo install --locked {}`", absent.join(" "))
}
