//! `lobass sources`.

use anyhow::bail;
use lobass::settings::available_threads;
use lobass::sources::{ExamineOptions, SourcesJob};

use crate::args::SourcesArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn sources(args: &SourcesArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if let Some(floor) = args.floor.filter(|floor| !(*floor > 0.0 && floor.is_finite())) {
        bail!("expected `--floor` to be a finite number above 0, found {floor}");
    }
    let job = SourcesJob {
        metrics: &args.metrics,
        scores: args.scores.as_deref(),
        prior: &args.prior,
        options: ExamineOptions { floor: args.floor, replicates: args.bootstrap, seed: args.seed },
        threads: available_threads(),
    };
    let report = job.run()?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.has_no_law()))
}
