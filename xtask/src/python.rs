//! Python environments of our own.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

/// An environment in a folder, with the packages that pip installs, as `["--requirement", FILE]`; gives its interpreter.
pub(crate) fn environment(shell: &Shell, dir: &str, install: [&str; 2]) -> Result<String> {
    let python = format!("{dir}/bin/python");
    if !shell.path_exists(&python) {
        cmd!(shell, "python3 -m venv {dir}").run().context("Python 3.11 or newer is needed")?;
    }
    cmd!(shell, "{python} -m pip install --quiet {install...}").run()?;
    Ok(python)
}
