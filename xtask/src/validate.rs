//! Everything a change has to pass, cheapest first.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::python::{self, TOOLS};

/// The checks that read the code without running it.
pub(crate) fn lint(shell: &Shell) -> Result<()> {
    step("fmt");
    cmd!(shell, "cargo fmt --all --check").run()?;
    step("tidy");
    crate::tidy::run(&crate::root())?;
    step("api");
    crate::api::run(&crate::root(), &crate::api::Args { check: true })?;
    python::environment(shell, TOOLS.0, TOOLS.1)?;
    let tools = shell.current_dir().join(TOOLS.0).join("bin");
    step("typos");
    let typos = tools.join("typos");
    cmd!(shell, "{typos}").run()?;
    step("deny");
    // Licenses and sources of dependencies. Advisories change without us: `cargo deny check advisories`, online.
    let deny = tools.join("cargo-deny");
    cmd!(shell, "{deny} --locked check bans licenses sources").run()?;
    step("clippy");
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    step("doc");
    cmd!(shell, "cargo doc --workspace --no-deps --locked --quiet")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(())
}

pub(crate) fn run(shell: &Shell) -> Result<()> {
    lint(shell)?;
    step("test");
    cmd!(shell, "cargo test --locked").run()?;
    step("test what the default build lacks");
    cmd!(shell, "cargo test --locked --features full").run()?;
    step("benches, each once");
    cmd!(shell, "cargo test --locked --package lobass-benches --benches").run()?;
    eprintln!("\neverything passed");
    Ok(())
}

fn step(name: &str) {
    eprintln!("\n==> {name}");
}
