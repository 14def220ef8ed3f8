//! `lobass merge`.

use anyhow::Context as _;
use lobass::merge::MergeJob;

use crate::args::MergeArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn merge(args: &MergeArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let MergeArgs { base, adapter, dtype, quantize_base, out, .. } = args;
    if let Some(job) = args.models()? {
        let report = job.run(out, ui.runtime())?;
        ui.result(&report, &report)?;
        return Ok(Outcome::Done);
    }
    let both = base.as_deref().zip(adapter.as_deref());
    let (base, adapter) = both.context("expected `--base` and `--adapter`")?;
    let job = MergeJob { base, adapter, dtype: *dtype, quantize_base: *quantize_base, out };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}
