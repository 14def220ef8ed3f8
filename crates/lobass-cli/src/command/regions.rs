//! `lobass regions`.

use lobass::TableInput;
use lobass::regions::RegionsJob;
use lobass::settings::available_threads;

use crate::args::RegionsArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn regions(args: &RegionsArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let job = RegionsJob {
        scores: &TableInput::files(&args.scores),
        data: &args.data,
        by: &args.by,
        n_bins: args.bins.into(),
        embeddings: args.embeddings.as_deref(),
        n_clusters: args.clusters.into(),
        format_tokens: args.format_tokens,
        base: args.base.as_deref(),
        chat_template: args.chat_template.as_deref(),
        against: &TableInput::files(&args.against),
        against_data: &args.against_data,
        settings: args.settings(available_threads()),
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}
