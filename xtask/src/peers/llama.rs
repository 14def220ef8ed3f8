//! llama.cpp: its environment, and its files.

use anyhow::Result;
use xshell::{Shell, cmd};

use super::material::kept;
use crate::python;

const ENVIRONMENT: &str = "target/peers/wana-venv";
const REQUIREMENTS: &str = "benches/peers/ifd-requirements.txt";
/// Reads and writes files of llama.cpp.
const GGUF: &str = "gguf==0.19.0";
const SCRIPT: &str = "benches/peers/gguf_of.py";

/// An environment with llama.cpp, built for this machine, and wana; gives its interpreter.
pub(super) fn environment(shell: &Shell) -> Result<String> {
    python::environment(shell, ENVIRONMENT, &["--requirement", REQUIREMENTS])
}

/// Adds the package that reads and writes files of llama.cpp.
pub(super) fn install_gguf(shell: &Shell, python: &str) -> Result<()> {
    Ok(cmd!(shell, "{python} -m pip install --quiet {GGUF}").run()?)
}

/// The weights of a LLaMA checkpoint as a file of llama.cpp, in the same number format.
pub(super) fn gguf(shell: &Shell, python: &str, checkpoint: &str) -> Result<String> {
    let dir = kept(shell, "gguf", &(shell.read_file(SCRIPT)?, checkpoint), |dir| {
        install_gguf(shell, python)?;
        shell.create_dir(dir)?;
        Ok(cmd!(shell, "{python} {SCRIPT} --checkpoint {checkpoint} --out {dir}/model.gguf").run()?)
    })?;
    Ok(format!("{dir}/model.gguf"))
}
