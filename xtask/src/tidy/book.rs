//! The book: its contents list every page once, and generated pages are those of their sources.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::markdown;
use crate::cli;

const CONTENTS: &str = "docs/SUMMARY.md";
/// Words beside the numbers of a study, which are parts of a page.
const PARTS: &str = "docs/evidence";

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let pages: Vec<String> = super::with_extension(files, "md")
        .filter(|file| file.starts_with("docs") && !file.starts_with(PARTS) && !file.ends_with("SUMMARY.md"))
        .map(|file| file.display().to_string())
        .collect();
    let contents = super::read(root, Path::new(CONTENTS))?;
    let mut found = unlisted(&contents, &pages);
    let common = cli::CommonFlags::read(&super::read(root, Path::new(cli::SOURCE))?);
    let commands = cli::pages(&super::read(root, Path::new(cli::PAGE))?, &common);
    let commands =
        commands.into_iter().map(|(name, page)| (Path::new(cli::FOLDER).join(name), cli::PAGE, page));
    let config = cli::config_page(&super::read(root, Path::new(cli::CONFIG))?);
    let config = (PathBuf::from(cli::CONFIG_PAGE), cli::CONFIG, config);
    for (path, source, page) in commands.chain([config]) {
        if fs_err::read_to_string(root.join(&path)).ok().as_ref() != Some(&page) {
            found.push(format!("{} differs from {source}: run `cargo xtask cli --split`", path.display()));
        }
    }
    Ok(found)
}

/// Pages that the contents lack or list twice.
fn unlisted(contents: &str, pages: &[String]) -> Vec<String> {
    let listed = markdown::targets(contents);
    let times =
        |page: &str| listed.iter().filter(|target| page.strip_prefix("docs/") == Some(target)).count();
    let wrong = pages.iter().filter(|page| times(page) != 1);
    wrong.map(|page| format!("{CONTENTS}: expected `{page}` once, found it {} times", times(page))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_listed_once() {
        let contents = "- [A](a.md)\n- [B](b/c.md)\n- [B again](b/c.md)\n";
        let pages = ["docs/a.md", "docs/b/c.md", "docs/d.md"].map(str::to_owned);
        assert_eq!(unlisted(contents, &pages).len(), 2);
        assert_eq!(unlisted(contents, &pages[..1]), Vec::<String>::new());
    }
}
