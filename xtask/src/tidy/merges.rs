//! Text files: no merge that was left half-way.

use std::path::{Path, PathBuf};

use anyhow::Result;

const TEXT: [&str; 10] = ["rs", "md", "toml", "py", "yaml", "yml", "json", "sh", "sbatch", "jinja"];

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in TEXT.iter().flat_map(|extension| super::with_extension(files, extension)) {
        if has_conflict(&super::read(root, file)?) {
            found.push(format!("{}: has a merge that was left half-way", file.display()));
        }
    }
    Ok(found)
}

fn has_conflict(text: &str) -> bool {
    let marks = ["<", ">"].map(|mark| mark.repeat(7) + " ");
    text.lines().any(|line| marks.iter().any(|mark| line.starts_with(mark.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_at_the_beginning_of_a_line() {
        let mark = "<".repeat(7);
        assert!(has_conflict(&format!("a\n{mark} HEAD\nb\n")));
        assert!(!has_conflict(&format!("a {mark} HEAD\n{mark}\n")));
    }
}
