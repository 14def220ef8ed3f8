//! The golden fixtures, made again.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::python;

/// Also what `.gitignore` names.
const ENVIRONMENT: &str = ".venv";
const GENERATORS: &[&str] = &[
    "gen_models.py",
    "gen_spellings.py",
    "gen_chat.py",
    "gen_styles.py",
    "gen_tokenizers.py",
    "gen_training.py",
    "gen_lora.py",
    "gen_null.py",
    "gen_mixed.py",
    "gen_families.py",
    "gen_wrapped.py",
    "gen_adapters.py",
    "gen_all_linear.py",
    "gen_quantized.py",
    "gen_dpo.py",
    "gen_embeddings.py",
    "gen_influence.py",
    "gen_pds.py",
    "gen_greedy.py",
    "gen_generate.py",
    "gen_bootstrap.py",
    "gen_replicates.py",
    "gen_pairs.py",
    "gen_import.py",
    "gen_leakage.py",
    "gen_merging.py",
    "gen_regions.py",
    "gen_mixture.py",
];

pub(crate) fn run(shell: &Shell) -> Result<()> {
    let python = environment(shell)?;
    for generator in GENERATORS {
        eprintln!("==> {generator}");
        cmd!(shell, "{python} tests/fixtures/{generator}").env("HF_HUB_OFFLINE", "1").run()?;
    }
    eprintln!("==> what changed");
    let beside = ["leakage", "mixture", "regions"].map(|name| format!("crates/lobass-{name}/fixtures"));
    cmd!(shell, "git status --short tests/fixtures {beside...}").run()?;
    Ok(())
}

/// A Python environment with the versions of the fixtures; gives its interpreter.
pub(crate) fn environment(shell: &Shell) -> Result<String> {
    python::environment(shell, ENVIRONMENT, &["--requirement", "tests/fixtures/requirements.txt"])
}
