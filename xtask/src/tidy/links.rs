//! Markdown: what it points at in the project is there.

use std::path::{Path, PathBuf};

use anyhow::Result;

pub(super) fn offences(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in super::with_extension(files, "md") {
        let text = super::read(root, file)?;
        let folder = root.join(file).parent().map(Path::to_owned).unwrap_or_default();
        for target in targets(&text) {
            if !folder.join(&target).exists() {
                found.push(format!("{}: points at `{target}`, which is not there", file.display()));
            }
        }
    }
    Ok(found)
}

/// The relative targets of `[text](target)`, without their anchors.
fn targets(text: &str) -> Vec<String> {
    let after = |piece: &str| piece.split_once(')').map(|(target, _)| target.to_owned());
    let all = text.split("](").skip(1).filter_map(after);
    let local = all.filter(|target| !target.contains("://") && !target.starts_with('#'));
    local.map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_targets_without_anchors() {
        let text = "[a](docs/a.md#part), [b](https://example.com/b), [c](#here), and `f(x)` [d](d.rs).";
        assert_eq!(targets(text), ["docs/a.md", "d.rs"]);
    }
}
