//! Writes `docs/evidence.md` and its plots from the result files beside it.
//!
//! Run with `cargo run -p lobass-evidence --example page -- docs`, which `cargo xtask evidence` does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lobass_evidence::{Report, Study, page};

/// The studies, in the order of the page; what is not there yet is left out.
const STUDIES: [&str; 2] = ["demo", "alpaca-gsm8k"];

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
            let report: Report = serde_json::from_str(&fs_err::read_to_string(&results)?)
                .with_context(|| format!("`{}` is not a report", results.display()))?;
            found.push((name, report, fs_err::read_to_string(dir.join(format!("{name}.md")))?));
        }
    }
    let studies: Vec<Study<'_>> =
        found.iter().map(|(name, report, words)| Study { name, words, report }).collect();
    Ok(page(&studies))
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
