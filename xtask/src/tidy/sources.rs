//! Rust files: a header, and one subject.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// A file that is longer, without its tests, has two subjects.
const MAX_LINES: usize = 400;

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in super::with_extension(files, "rs") {
        let text = super::read(root, file)?;
        found.extend(offenses_of(&text).into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    Ok(found)
}

fn offenses_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push("has no `//!` line that says what it is about".to_owned());
    }
    let n_lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if n_lines > MAX_LINES {
        found.push(format!("has {n_lines} lines without its tests; {MAX_LINES} is the limit"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_length() {
        assert_eq!(offenses_of("//! A subject.\n\nfn main() {}\n"), Vec::<String>::new());
        assert_eq!(offenses_of("fn main() {}\n").len(), 1);
        let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
        assert_eq!(offenses_of(&long).len(), 1);
        let tested = format!("//! Tested.\n#[cfg(test)]\n{}", "\n".repeat(MAX_LINES));
        assert_eq!(offenses_of(&tested), Vec::<String>::new());
    }
}
