//! `lobass merge`.

use lobass::merge::MergeJob;

use crate::args::MergeArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn merge(args: &MergeArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let MergeArgs { base, adapter, dtype, quantize_base, out } = args;
    let job = MergeJob { base, adapter, dtype: *dtype, quantize_base: *quantize_base, out };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}
