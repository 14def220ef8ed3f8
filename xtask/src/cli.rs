//! The page on the command line, printed by the binary itself.

use anyhow::Result;
use xshell::{Shell, cmd};

const PAGE: &str = "docs/cli.md";

pub(crate) fn run(shell: &Shell) -> Result<()> {
    let page = cmd!(shell, "cargo run --quiet --package lobass-cli -- markdown").read()?;
    shell.write_file(PAGE, format!("{}\n", page.trim_end()))?;
    cmd!(shell, "git status --short {PAGE}").run()?;
    Ok(())
}
