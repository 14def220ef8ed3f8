//! Output files: checks that they replace no input, and writing them whole.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lobass_core::Observer;
use lobass_data::Pool;
use lobass_files::{WholeFile, is_partial};
use serde::Serialize;

use crate::error::{Result, bail};

/// Refuses outputs that are one of the inputs, or the same file twice. Each input has a description, such as `a data
/// file`.
///
/// # Errors
/// If an output is an input or another output.
pub fn check(outputs: &[PathBuf], inputs: &[(&str, &Path)]) -> Result<()> {
    for (at, output) in outputs.iter().enumerate() {
        let place = place(output);
        if let Some((what, _)) = inputs.iter().find(|(_, input)| self::place(input) == place) {
            bail!(Output, "output `{}` is {what}; give it another name", output.display());
        }
        if outputs[..at].iter().any(|other| self::place(other) == place) {
            bail!(
                Output,
                "output `{}` would be written twice; give the data file or the index another name",
                output.display()
            );
        }
    }
    Ok(())
}

/// Refuses outputs that are one of the data files of a pool, or the same file twice.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_for_pool(outputs: &[PathBuf], pool: &Pool) -> Result<()> {
    let inputs: Vec<_> = pool.files().iter().map(|file| ("a data file", file.path())).collect();
    check(outputs, &inputs)
}

/// Refuses a name that ends like another kind of file than those that are written. A name without an ending is taken.
///
/// # Errors
/// If it ends otherwise.
pub(crate) fn check_ending(output: &Path, expected: &[&str]) -> Result<()> {
    match output.extension().and_then(|ending| ending.to_str()) {
        Some(found) if !expected.contains(&found) => {
            let expected = expected.join("` or `.");
            bail!(Output, "output `{}`: expected `.{expected}`, found `.{found}`", output.display())
        }
        _ => Ok(()),
    }
}

/// Notes the outputs that replace files.
pub fn note_replaced(outputs: &[PathBuf], observer: &dyn Observer) {
    for output in outputs.iter().filter(|output| output.is_file()) {
        observer.note(&format!("{:16} {} was there already", "replaces", output.display()));
    }
}

/// The file that a path leads to, whether or not it exists.
pub(crate) fn place(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut present = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    loop {
        if let Ok(found) = fs_err::canonicalize(&present) {
            return missing.iter().rev().fold(found, |path, name| path.join(name));
        }
        match (present.file_name().map(ToOwned::to_owned), present.parent().map(Path::to_owned)) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                present = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

/// Refuses a directory with files in it. Unfinished files of lobass do not count.
///
/// # Errors
/// If the directory has a file, or cannot be read.
pub fn check_empty(dir: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(dir)? {
        let name = entry?.file_name();
        // A file of ours that was never finished.
        if !is_partial(&name.to_string_lossy()) {
            let (dir, name) = (dir.display(), name.display());
            bail!(Output, "`{dir}`: expected an empty directory, found `{name}` in it; use another one");
        }
    }
    Ok(())
}

/// JSON lines that appear under their name when they are finished.
#[derive(Debug)]
pub struct Lines(WholeFile);

impl Lines {
    /// Begins a file.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self(WholeFile::create(path)?))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn write(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        Ok(writeln!(self.0)?)
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// If the file cannot be written or renamed.
    pub fn finish(self) -> Result<()> {
        Ok(self.0.finish()?)
    }
}

/// The default work directory of an output: beside it, with `.work` after its name.
pub(crate) fn work_beside(out: &Path) -> PathBuf {
    match out.file_name() {
        Some(name) => {
            let mut name = name.to_owned();
            name.push(".work");
            out.with_file_name(name)
        }
        None => out.join("lobass.work"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn neither_an_input_nor_the_same_twice() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs_err::write(at("pool.jsonl"), "{}").unwrap();
        let pool = at("pool.jsonl");
        let check = |outputs: &[&str]| {
            let outputs: Vec<_> = outputs.iter().map(|name| at(name)).collect();
            super::check(&outputs, &[("a data file", pool.as_path())]).map_err(|error| error.to_string())
        };
        assert!(check(&["a.jsonl", "new/b.jsonl"]).is_ok());
        assert!(check(&["./pool.jsonl"]).unwrap_err().contains("is a data file"));
        assert!(check(&["new/b.jsonl", "new/./b.jsonl"]).unwrap_err().contains("twice"));
    }
}
