//! Reports that several commands print.

use std::path::Path;

use lobass::scoring::Reasons;
use lobass::table::TableReport;
use lobass_run::Manifest;

use crate::exit::Outcome;
use crate::ui::Ui;

/// Prints what is in a score table.
pub(super) fn table(
    out: &Path,
    manifest: &Manifest,
    reasons: &Reasons,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<Outcome> {
    let report = TableReport::new(out, manifest, reasons, threads)?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
