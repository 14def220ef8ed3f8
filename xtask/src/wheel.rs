//! The Python module: its wheel, installed where nothing else of ours is, and what is tested with it.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::python;

/// Also what `.gitignore` names.
const ENVIRONMENT: &str = ".venv-wheel";
const PACKAGE: &str = "python/lobass";
/// The version that `pyproject.toml` asks for.
const MATURIN: &str = "maturin>=1.9,<2";

pub(crate) fn run(shell: &Shell) -> Result<()> {
    let python = python::environment(shell, ENVIRONMENT, &["--only-binary=:all:", MATURIN])?;
    eprintln!("==> the wheel, as `cargo test` builds");
    // An older one would be found beside the new one.
    let wheels = crate::cuda_binary::target_dir(shell)?.join("wheels-of-tests");
    shell.remove_path(&wheels)?;
    let manifest = format!("{PACKAGE}/Cargo.toml");
    cmd!(shell, "{python} -m maturin build --profile dev --locked --manifest-path {manifest} --out {wheels}")
        .run()?;
    let built =
        shell.read_dir(&wheels)?.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = built.context("maturin built no wheel")?;
    eprintln!("==> its tests, beside the packages that they use");
    // The version of a wheel under development stays the same, and pip would leave the old one where it is.
    cmd!(shell, "{python} -m pip install --quiet --force-reinstall --no-deps {wheel}").run()?;
    let tested = format!("{}[test]", wheel.display());
    cmd!(shell, "{python} -m pip install --quiet {tested}").run()?;
    cmd!(shell, "{python} -m pytest {PACKAGE}").run()?;
    Ok(())
}
