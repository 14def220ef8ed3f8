//! Writes `docs/evidence.md` and its plots from the result files beside it.
//!
//! Run with `cargo run -p lobass-evidence --example page -- docs`, which `cargo xtask evidence` does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lobass_evidence::replicates::{Replicate, study_tables};
use lobass_evidence::{Report, Study, page};

/// The studies, in the order of the page; what is not there yet is left out.
const STUDIES: [&str; 2] = ["demo", "alpaca-gsm8k"];
/// The study on a real model, whose replicates are in the folder `replicates`.
const REPLICATED: &str = "smollm2";
const N_REPLICATES: usize = 8;

fn main() -> Result<()> {
    let docs = PathBuf::from(std::env::args().nth(1).context("usage: page DOCS")?);
    let (text, plots) = made_from(&docs)?;
    for (name, svg) in plots {
        fs_err::write(docs.join("evidence").join(name), svg)?;
    }
    Ok(fs_err::write(docs.join("evidence.md"), text)?)
}

/// The page and its plots, from the result files and the words beside them.
fn made_from(docs: &Path) -> Result<(String, Vec<(String, String)>)> {
    let dir = docs.join("evidence");
    let mut found = Vec::new();
    for name in STUDIES {
        let results = dir.join(format!("{name}.json"));
        if results.exists() {
            found.push((name, read(&results)?, fs_err::read_to_string(dir.join(format!("{name}.md")))?));
        }
    }
    let studies: Vec<Study<'_>> =
        found.iter().map(|(name, report, words)| Study { name, words, report }).collect();
    let (text, plots) = page(&studies);
    let replicated = fs_err::read_to_string(dir.join(format!("{REPLICATED}.md")))?;
    let tables = study_tables(&replicates(&dir.join("replicates"))?);
    Ok((format!("{text}\n{}", replicated.replacen(Study::PLACE, tables.trim_end(), 1)), plots))
}

/// The results of each replicate, by the folders of its groups.
fn replicates(dir: &Path) -> Result<Vec<Replicate>> {
    let mut found = Vec::new();
    for at in 0..N_REPLICATES {
        let mut replicate = Replicate::new();
        let folder = dir.join(at.to_string());
        if folder.exists() {
            for entry in fs_err::read_dir(&folder)? {
                let entry = entry?;
                let results = entry.path().join("results.json");
                if results.exists() {
                    replicate.insert(entry.file_name().to_string_lossy().into_owned(), read(&results)?);
                }
            }
        }
        found.push(replicate);
    }
    Ok(found)
}

fn read(results: &Path) -> Result<Report> {
    serde_json::from_str(&fs_err::read_to_string(results)?)
        .with_context(|| format!("`{}` is not a report", results.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_made_of_the_result_files() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let (text, plots) = made_from(&docs).unwrap();
        let read = |path: &Path| fs_err::read_to_string(path).unwrap();
        assert!(!plots.is_empty(), "there are results");
        assert_eq!(read(&docs.join("evidence.md")), text, "run `cargo xtask evidence --page`");
        for (name, svg) in plots {
            assert_eq!(read(&docs.join("evidence").join(&name)), svg, "{name}");
        }
    }
}
