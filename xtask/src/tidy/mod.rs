//! Checks that compilers do not make. `cargo test` runs them too.

mod book;
mod circles;
mod examples;
mod links;
mod manifests;
mod markdown;
mod merges;
mod prose;
mod rust_blocks;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Prints every offense and fails if there is one.
pub(crate) fn run(root: &Path) -> Result<()> {
    let offenses = offenses(root)?;
    if offenses.is_empty() {
        return Ok(());
    }
    bail!("{} offenses:\n  {}", offenses.len(), offenses.join("\n  "))
}

fn offenses(root: &Path) -> Result<Vec<String>> {
    let files = files_under(root)?;
    let mut found = sources::offenses(root, &files)?;
    found.extend(manifests::offenses(root, &files)?);
    found.extend(links::offenses(root, &files)?);
    found.extend(book::offenses(root, &files)?);
    found.extend(circles::offenses(root, &files)?);
    found.extend(examples::offenses(root, &files)?);
    found.extend(rust_blocks::offenses(root, &files)?);
    found.extend(merges::offenses(root, &files)?);
    found.extend(prose::offenses(root, &files)?);
    Ok(found)
}

/// Every file of the project, relative to its root, in order. What is hidden, built, or left by a run is not.
fn files_under(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let project = !(name.starts_with('.') || ["target", "runs", "__pycache__"].contains(&&*name));
            match path.is_dir() {
                true if project => folders.push(path),
                false if project => files.push(path.strip_prefix(root)?.to_owned()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read(root: &Path, file: &Path) -> Result<String> {
    Ok(fs_err::read_to_string(root.join(file))?)
}

fn with_extension<'a>(files: &'a [PathBuf], extension: &str) -> impl Iterator<Item = &'a PathBuf> {
    files.iter().filter(move |file| file.extension().is_some_and(|found| found == extension))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        super::run(&crate::root()).unwrap();
    }
}
