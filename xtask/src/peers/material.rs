//! Material of the comparisons: checkpoints and token sequences, made once and kept by the options that made them.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use super::DIR;

/// Beside the project; where it is absent, rows are invented.
const ALPACA: &str = "../shared/data/alpaca_random_9k.json";
const MODEL_SCRIPT: &str = "benches/peers/make_model.py";
const SET_SCRIPT: &str = "benches/peers/make_score_set.py";

/// Sequences of every workload.
#[derive(Debug)]
pub(super) struct Sets {
    dir: String,
    /// The name of the file that rows are from, or `generated`.
    pub(super) source: String,
}

impl Sets {
    /// Those of an Alpaca file, of the one beside the project, or of invented rows.
    pub(super) fn make(shell: &Shell, python: &str, alpaca: Option<&Path>) -> Result<Self> {
        let data = self::alpaca(shell, alpaca)?;
        let options = match &data {
            Some(path) => vec![PathBuf::from("--data"), path.clone()],
            None => Vec::new(),
        };
        let rows = data.as_ref().map(fs_err::read).transpose()?;
        let made_of = (shell.read_file(SET_SCRIPT)?, &data, rows);
        let dir = kept(shell, "sets", &made_of, |dir| {
            Ok(cmd!(shell, "{python} {SET_SCRIPT} {options...} --out {dir}").run()?)
        })?;
        let about: Value = serde_json::from_str(&shell.read_file(format!("{dir}/about.json"))?)?;
        let source = about["source"].as_str().context("sequences that do not say what they are from")?;
        Ok(Self { source: source.to_owned(), dir })
    }

    /// The first sequences of a workload, or as many as it has, written to a file: their path, and how many sequences
    /// and tokens they are.
    pub(super) fn cut(&self, shell: &Shell, workload: &str, rows: usize) -> Result<Cut> {
        let mut sequences: Vec<Value> =
            serde_json::from_str(&shell.read_file(format!("{}/{workload}.json", self.dir))?)?;
        sequences.truncate(rows);
        let lengths = sequences.iter().map(|sequence| sequence["input_ids"].as_array().map_or(0, Vec::len));
        let n_tokens = lengths.sum();
        if n_tokens == 0 {
            bail!("expected sequences of `{workload}`, found none");
        }
        let path = format!("{DIR}/sequences.json");
        shell.write_file(&path, serde_json::to_string(&sequences)?)?;
        Ok(Cut { path, n_rows: sequences.len(), n_tokens })
    }
}

/// The beginning of a workload.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) path: String,
    pub(super) n_rows: usize,
    pub(super) n_tokens: usize,
}

/// The Alpaca file that is named, or the one beside the project, if it is there.
pub(super) fn alpaca(shell: &Shell, named: Option<&Path>) -> Result<Option<PathBuf>> {
    let beside = shell.current_dir().join(ALPACA);
    Ok(match named {
        Some(path) => Some(std::path::absolute(path)?),
        None => beside.exists().then_some(beside),
    })
}

/// A random checkpoint; `dtype` as torch names it.
pub(super) fn checkpoint(
    shell: &Shell,
    python: &str,
    shape: &str,
    vocab_size: usize,
    dtype: &str,
) -> Result<String> {
    let made_of = (shell.read_file(MODEL_SCRIPT)?, shape, vocab_size, dtype);
    let vocab_size = vocab_size.to_string();
    kept(shell, shape, &made_of, |dir| {
        let options = ["--shape", shape, "--vocab-size", &vocab_size, "--dtype", dtype];
        Ok(cmd!(shell, "{python} {MODEL_SCRIPT} {options...} --out {dir}").run()?)
    })
}

/// A folder that is made unless there is one that was made of the same; never half of one.
pub(super) fn kept(
    shell: &Shell,
    name: &str,
    made_of: &impl Hash,
    make: impl FnOnce(&str) -> Result<()>,
) -> Result<String> {
    // Another Rust may hash otherwise; then it is made again.
    let mut hasher = DefaultHasher::new();
    made_of.hash(&mut hasher);
    let dir = format!("{DIR}/{name}-{:016x}", hasher.finish());
    if !shell.path_exists(&dir) {
        let unfinished = format!("{DIR}/{name}.unfinished");
        shell.remove_path(&unfinished)?;
        make(&unfinished)?;
        let root = shell.current_dir();
        fs_err::rename(root.join(&unfinished), root.join(&dir))?;
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_the_same_is_kept() {
        let shell = Shell::new().unwrap();
        let root = shell.create_temp_dir().unwrap();
        shell.change_dir(root.path());
        let make = |made_of: &str, text: &str| {
            let dir = kept(&shell, "thing", &made_of, |dir| Ok(shell.write_file(format!("{dir}/x"), text)?));
            shell.read_file(format!("{}/x", dir.unwrap())).unwrap()
        };
        assert_eq!(make("a", "first"), "first");
        assert_eq!(make("a", "second"), "first");
        assert_eq!(make("b", "third"), "third");
        assert_eq!(make("a", "fourth"), "first");
    }

    #[test]
    fn what_was_not_finished_is_made_again() {
        let shell = Shell::new().unwrap();
        let root = shell.create_temp_dir().unwrap();
        shell.change_dir(root.path());
        let failed = kept(&shell, "thing", &1, |dir| {
            shell.write_file(format!("{dir}/left"), "over")?;
            bail!("killed")
        });
        assert!(failed.is_err());
        let dir = kept(&shell, "thing", &1, |dir| Ok(shell.write_file(format!("{dir}/x"), "")?)).unwrap();
        assert_eq!(shell.read_dir(dir).unwrap().len(), 1);
    }
}
