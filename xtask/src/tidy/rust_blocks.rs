//! Rust in Markdown: it is compiled, as documentation tests of a crate that includes the file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut compiled = BTreeSet::new();
    for file in super::with_extension(files, "rs").filter(|file| file.ends_with("src/lib.rs")) {
        compiled.extend(included(file, &super::read(root, file)?));
    }
    let mut found = Vec::new();
    for file in super::with_extension(files, "md") {
        let text = super::read(root, file)?;
        let blocks: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("```rust")).collect();
        if blocks.iter().any(|more| more.contains("ignore")) {
            found.push(format!("{}: a block of Rust is not compiled: leave `ignore` out", file.display()));
        }
        if !blocks.is_empty() && !compiled.contains(file) {
            found.push(format!(
                "{}: its Rust is not compiled: add `#[cfg(doctest)] #[doc = include_str!(..)]` to the crate's `lib.rs`",
                file.display()
            ));
        }
    }
    Ok(found)
}

/// The files that a source file has as documentation tests.
fn included(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let names =
        text.lines().filter_map(|line| line.strip_prefix("#[doc = include_str!(\"")?.strip_suffix("\")]"));
    names.map(|name| normal(&folder.join(name))).collect()
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_found_from_the_root() {
        let text = "#[cfg(doctest)]\n#[doc = include_str!(\"../../../docs/a.md\")]\nstruct A;\n";
        assert_eq!(included(Path::new("crates/x/src/lib.rs"), text), [PathBuf::from("docs/a.md")]);
    }
}
