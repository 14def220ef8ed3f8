//! `lobass information`.

use lobass::TableInput;
use lobass::information::InformationJob;
use lobass::settings::available_threads;
use lobass_evidence::Bootstrap;

use crate::args::InformationArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn information(args: &InformationArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let job = InformationJob {
        scores: &TableInput::files(&args.scores),
        transformed: &TableInput::files(&args.transformed),
        by_source: args.by.is_some(),
        in_sample: args.in_sample,
        bootstrap: Bootstrap { n_resamples: args.resamples, seed: args.seed, ..Bootstrap::default() },
        n_shown: args.show,
        list: args.list.as_deref(),
        threads: args.threads.map_or_else(available_threads, usize::from),
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}
