//! `lobass seal`.

use crate::args::SealArgs;
use crate::exit::Outcome;
use crate::settings::ComputeSettings;
use crate::stages::{TableFormat, say_table, write_table};
use crate::ui::Ui;
use crate::work::{job, resume};

pub(crate) fn seal(args: &SealArgs, ui: Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work.work)?;
    let job = job(&work, &args.work.work, args.work.job.as_deref())?;
    let format = TableFormat::of(&args.out, job.detail())?;
    let report = write_table(&work, &job.seal, args.allow_quarantined, &args.out, format, ui)?;
    let threads = ComputeSettings::default().threads();
    say_table(&args.out, &report.manifest, &report.reasons, threads, ui)
}
