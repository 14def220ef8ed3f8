//! Results that are kept in the repository: score tables, and a file for each trial.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

/// Where they are, by replicate and by group.
const KEPT: &str = "docs/evidence/replicates";

/// What a comparison has joined of its trials.
const RESULTS: &str = "results.json";

/// The folder of results that are kept.
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new(KEPT).join(name)
}

/// Copies files that one side has and the other has not, in both directions: the record of a comparison, and its trials.
pub(super) fn exchange(kept: &Path, run: &Path) -> Result<()> {
    for folder in ["", "trials"] {
        let (kept, run) = (kept.join(folder), run.join(folder));
        copy_missing(&kept, &run)?;
        copy_missing(&run, &kept)?;
    }
    // The results are made again of all trials that are there.
    let results = run.join(RESULTS);
    if results.exists() { copy(&results, &kept.join(RESULTS)) } else { Ok(()) }
}

/// Copies one file to wherever it is missing.
pub(super) fn exchange_file(kept: &Path, run: &Path) -> Result<()> {
    for (from, to) in [(kept, run), (run, kept)] {
        if from.exists() && !to.exists() {
            copy(from, to)?;
        }
    }
    Ok(())
}

fn copy_missing(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_trial = from.ends_with("trials") && name.ends_with(".json");
        if (name == "compare.json" || is_trial) && !to.join(name).exists() {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// The copy has its name only when it is whole.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(Path::new("")))?;
    let partial = to.with_extension("partial");
    fs::copy(from, &partial)?;
    Ok(fs::rename(partial, to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_gets_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str| {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), name).unwrap();
        };
        [
            "kept/trials/a.json",
            "run/trials/b.json",
            "run/compare.json",
            "run/state/c.json",
            "run/trials/a.json",
        ]
        .into_iter()
        .for_each(write);
        exchange(&path("kept"), &path("run")).unwrap();
        let read = |name: &str| fs::read_to_string(path(name)).unwrap();
        assert_eq!(read("kept/trials/b.json"), "run/trials/b.json");
        assert_eq!(read("kept/compare.json"), "run/compare.json");
        assert_eq!(read("run/trials/a.json"), "run/trials/a.json", "what is there stays");
        assert!(!path("kept/state").exists());
    }
}
