//! The Ray driver and the scripts for schedulers, on clusters that are made here and lose everything in turn.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::cuda_binary::target_dir;

/// Also what `.gitignore` names.
const ENVIRONMENT: &str = ".venv-ray";
const PACKAGE: &str = "python/lobass_ray";

pub(crate) fn run(shell: &Shell) -> Result<()> {
    eprintln!("==> the binary");
    cmd!(shell, "cargo build --locked --package lobass-cli").run()?;
    let lobass = target_dir(shell)?.join("debug/lobass");
    let python = environment(shell)?;
    eprintln!("==> the tests of {PACKAGE}");
    cmd!(shell, "{python} -m pytest {PACKAGE}").env("LOBASS", lobass).run()?;
    Ok(())
}

/// A Python environment with the driver, Ray, and what tests need; gives its interpreter.
fn environment(shell: &Shell) -> Result<String> {
    let python = format!("{ENVIRONMENT}/bin/python");
    if !shell.path_exists(&python) {
        cmd!(shell, "python3 -m venv {ENVIRONMENT}").run().context("Python 3.10 or newer is needed")?;
    }
    let package = format!("{PACKAGE}[test]");
    cmd!(shell, "{python} -m pip install --quiet --editable {package}").run()?;
    Ok(python)
}
