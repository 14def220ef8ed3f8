//! Markdown: every relative link leads to a file that exists, and to a heading in it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::markdown;

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in super::with_extension(files, "md") {
        let text = super::read(root, file)?;
        for target in markdown::targets(&text).into_iter().filter(|target| !target.contains("://")) {
            if let Some(what) = offense(root, file, &target)? {
                found.push(format!("{}: {what}", file.display()));
            }
        }
    }
    Ok(found)
}

/// The defect of the link `target` of `file`, if there is one.
fn offense(root: &Path, file: &Path, target: &str) -> Result<Option<String>> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.parent().unwrap_or(Path::new(""));
    let place = if path.is_empty() { file.to_owned() } else { folder.join(path) };
    if !root.join(&place).exists() {
        return Ok(Some(format!("points at `{target}`, which does not exist")));
    }
    let is_page = place.extension().is_some_and(|extension| extension == "md");
    if anchor.is_empty() || !is_page {
        return Ok(None);
    }
    let anchors = markdown::anchors(&super::read(root, &place)?);
    Ok((!anchors.iter().any(|found| found == anchor))
        .then(|| format!("points at `{target}`, but that page has no heading `#{anchor}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_headings_have_to_exist() {
        let what = |target: &str| offense(&crate::root(), Path::new("README.md"), target).unwrap();
        assert_eq!(what("docs/architecture.md"), None);
        assert_eq!(what("docs/architecture.md#crates"), None);
        assert_eq!(what("xtask/src/main.rs"), None);
        assert!(what("docs/no-such-page.md").unwrap().contains("does not exist"));
        assert!(what("docs/architecture.md#no-such-heading").unwrap().contains("no heading"));
        assert!(what("#no-such-heading").unwrap().contains("no heading"));
    }
}
