//! Writes `docs/evidence.md` and its plots from the result files beside it.
//!
//! Run with `cargo run -p lobass-evidence --example page -- docs`, which `cargo xtask evidence` does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lobass_evidence::replicates::{Agreement, Replicate, StudyResults, study_page};
use lobass_evidence::{Report, Study, page};
use serde::de::DeserializeOwned;

/// The studies, in the order of the page; what is not there yet is left out.
const STUDIES: [&str; 2] = ["demo", "alpaca-gsm8k"];
/// The study on a real model, whose replicates are in the folder `replicates`.
const REPLICATED: &str = "smollm2";
const N_REPLICATES: usize = 8;
/// What the folders of replicates with a model of another family begin with.
const FAMILY: &str = "gemma3";
/// One larger pool, in the same folder.
const LARGE: &str = "alpaca-8000";

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
            found.push((
                name,
                read::<Report>(&results)?,
                fs_err::read_to_string(dir.join(format!("{name}.md")))?,
            ));
        }
    }
    let studies: Vec<Study<'_>> =
        found.iter().map(|(name, report, words)| Study { name, words, report }).collect();
    let (text, mut plots) = page(&studies);
    let replicated = fs_err::read_to_string(dir.join(format!("{REPLICATED}.md")))?;
    let (tables, further) = study_page(&study(&dir.join("replicates"))?, REPLICATED, "evidence/");
    plots.extend(further);
    Ok((format!("{text}\n{}", replicated.replacen(Study::PLACE, tables.trim_end(), 1)), plots))
}

/// What is kept of the study on a real model.
fn study(dir: &Path) -> Result<StudyResults> {
    let mut results = StudyResults { large: comparisons(&dir.join(LARGE))?, ..StudyResults::default() };
    for at in 0..N_REPLICATES {
        let folder = dir.join(at.to_string());
        results.replicates.push(comparisons(&folder)?);
        results.other_family.push(comparisons(&dir.join(format!("{FAMILY}-{at}")))?);
        let agreement = folder.join("agreement.json");
        let found: Vec<Agreement> = if agreement.exists() { read(&agreement)? } else { Vec::new() };
        results.agreements.push(found);
    }
    Ok(results)
}

/// The results of the comparisons in a folder, by their names.
fn comparisons(folder: &Path) -> Result<Replicate> {
    let mut found = Replicate::new();
    if folder.exists() {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let results = entry.path().join("results.json");
            if results.exists() {
                found.insert(entry.file_name().to_string_lossy().into_owned(), read(&results)?);
            }
        }
    }
    Ok(found)
}

fn read<T: DeserializeOwned>(results: &Path) -> Result<T> {
    serde_json::from_str(&fs_err::read_to_string(results)?)
        .with_context(|| format!("`{}` is not what this page is made of", results.display()))
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
