//! Crates: shared lints and versions, a README, and a file that uses each library alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml::{Table, Value};

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.ends_with("Cargo.toml") && file.components().count() > 1) {
        let manifest: Table = super::read(root, file)?
            .parse()
            .with_context(|| format!("cannot read {} as TOML", file.display()))?;
        let mut what = offenses_of(&manifest);
        if file.starts_with("crates") {
            what.extend(missing_files(root, file));
        }
        found.extend(what.into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    Ok(found)
}

fn offenses_of(manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let inherits = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    if !inherits(manifest.get("lints")) {
        found.push("does not inherit the workspace's lints".to_owned());
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(kind).and_then(Value::as_table);
        for (name, value) in dependencies.into_iter().flatten() {
            if !inherits(Some(value)) {
                found.push(format!("`{name}`: versions belong in the workspace's manifest"));
            }
        }
    }
    found
}

/// Files that show how to embed a single crate.
fn missing_files(root: &Path, manifest: &Path) -> Vec<String> {
    let folder = root.join(manifest.parent().unwrap_or(Path::new("")));
    let is_library = folder.join("src/lib.rs").exists() && !folder.join("src/main.rs").exists();
    let mut wanted = vec!["README.md"];
    if is_library {
        wanted.push("examples");
    }
    let absent = wanted.into_iter().filter(|name| !folder.join(name).exists());
    absent.map(|name| format!("the crate has no `{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_and_versions_are_shared() {
        let good = "[dependencies]\nserde = { workspace = true }\n[lints]\nworkspace = true\n";
        assert_eq!(offenses_of(&good.parse().unwrap()), Vec::<String>::new());
        let bad = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nproptest = { version = \"1\" }\n";
        assert_eq!(offenses_of(&bad.parse().unwrap()).len(), 3);
    }
}
