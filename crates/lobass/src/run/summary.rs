//! The summary of a run, in files.

use std::path::Path;

use lobass_core::readable::counted;
use lobass_core::visible;
use lobass_files::write_whole;
use lobass_run::Manifest;
use serde_json::{Value, json};

use crate::error::Result;
use crate::references::ReferenceReport;

/// Writes `summary.md` and `summary.json` into a run's directory.
pub(super) fn write(
    out: &Path,
    manifest: &Manifest,
    texts: &[String],
    results: &[Value],
    references: &ReferenceReport,
) -> Result<()> {
    let models: Vec<_> = manifest.models.iter().map(|m| format!("- {}: `{}`", m.role(), m.name())).collect();
    let inputs: Vec<_> = manifest
        .inputs
        .iter()
        .map(|i| format!("- {}: `{}`, {}", i.source, i.path, counted(i.n_rows, "row")))
        .collect();
    let blocks: Vec<_> = texts.iter().map(|text| format!("```text\n{text}```\n")).collect();
    let markdown = format!(
        "# A run of {}\n\n{}\n{}\n\nScores are in `scores.parquet`, selected rows in `selected/`, and the settings in \
         `settings.toml`.\n\n```text\n{}```\n\n{}",
        manifest.tool,
        models.join("\n"),
        inputs.join("\n"),
        references.text(),
        blocks.join("\n")
    );
    write_whole(&out.join("summary.md"), visible(&markdown).as_bytes())?;
    let json = json!({"manifest": manifest, "references": references.json(), "selections": results});
    write_whole(&out.join("summary.json"), &serde_json::to_vec_pretty(&json)?)?;
    Ok(())
}
