//! `lobass seal`.

use std::path::Path;

use anyhow::bail;
use lobass::place::{job, resume};
use lobass::settings::ComputeSettings;
use lobass::table::{TableFormat, write_table};
use lobass_run::ScoreFile;

use super::said;
use crate::args::SealArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn seal(args: &SealArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work.work, ui.runtime())?;
    let job = job(&work, &args.work.work, args.work.job.as_deref())?;
    let format = TableFormat::of(&args.out, job.detail())?;
    check_free(&args.out, &job.plan)?;
    let report = write_table(&work, &job.seal, args.allow_quarantined, &args.out, format, ui.runtime())?;
    let threads = ComputeSettings::default().threads();
    said::table(&args.out, &report.manifest, &report.reasons, threads, ui)
}

/// Refuses to replace anything but a table of the same plan.
fn check_free(out: &Path, plan: &str) -> anyhow::Result<()> {
    if !out.exists() || ScoreFile::open(out).is_ok_and(|table| table.manifest().plan == plan) {
        return Ok(());
    }
    bail!("output `{}`: expected nothing, or a score table of this plan, found another file", out.display())
}
