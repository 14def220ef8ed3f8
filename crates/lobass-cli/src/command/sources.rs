//! `lobass sources`.

use lobass::TableInput;
use lobass::settings::available_threads;
use lobass::sources::{ExamineOptions, SourcesJob};

use crate::args::SourcesArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn sources(args: &SourcesArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let scores = args.scores.clone().map(TableInput::File);
    let job = SourcesJob {
        metrics: &args.metrics,
        scores: scores.as_ref(),
        prior: &args.prior,
        options: ExamineOptions { floor: args.floor, replicates: args.bootstrap, seed: args.seed },
        threads: available_threads(),
    };
    let report = job.run()?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.has_no_law()))
}
