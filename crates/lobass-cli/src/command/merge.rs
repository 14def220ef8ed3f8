//! `lobass merge`.

use lobass::merge::MergeJob;

use crate::args::MergeArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn merge(args: &MergeArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let job = MergeJob { base: &args.base, adapter: &args.adapter, dtype: args.dtype, out: &args.out };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}
