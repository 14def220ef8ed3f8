//! The Ray driver and the scripts for schedulers, on clusters that are made here and lose everything in turn.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::cuda_binary::target_dir;
use crate::python;

/// Also what `.gitignore` names.
const ENVIRONMENT: &str = ".venv-ray";
const PACKAGE: &str = "python/lobass_ray";

pub(crate) fn run(shell: &Shell) -> Result<()> {
    eprintln!("==> the binary, as the tests have it");
    cmd!(shell, "cargo test --locked --no-run").run()?;
    let lobass = target_dir(shell)?.join("debug/lobass-under-test");
    let package = format!("{PACKAGE}[test]");
    let python = python::environment(shell, ENVIRONMENT, &["--editable", &package])?;
    eprintln!("==> the tests of {PACKAGE}");
    cmd!(shell, "{python} -m pytest {PACKAGE}").env("LOBASS", lobass).run()?;
    Ok(())
}
