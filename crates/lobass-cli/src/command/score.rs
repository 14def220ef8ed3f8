//! `lobass score`.

use anyhow::bail;
use lobass::scoring::ScoreJob;
use lobass::settings::Settings;
use lobass_core::Detail;

use crate::args::ScoreArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn score(args: &ScoreArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if args.embeddings.is_none() && args.vectors.is_given() {
        bail!("`--embedding-format` and `--normalize-embeddings` need `--embeddings FILE`");
    }
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.memory.apply(&mut settings.compute);
    if args.memory.is_given() && !args.devices.is_empty() {
        bail!("`--memory` limits this process, and `--devices` scores in others: give one of them");
    }
    if let Some(first) = args.devices.first() {
        settings.compute.device.clone_from(first);
    }
    let job = ScoreJob {
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        base: &args.base,
        tuned: args.reference.as_deref().or(args.adapter.as_deref()),
        is_adapter: args.adapter.is_some(),
        null: args.null.as_deref(),
        detail: if args.per_token { Detail::PerToken } else { Detail::Sum },
        unconditional: args.context.is_some(),
        brier: args.brier,
        embeddings: args.embeddings.as_deref().map(|file| (file, args.vectors.options())),
        devices: &args.devices,
        work: args.work.as_ref(),
        out: &args.out,
    };
    let Some(report) = job.run(ui.runtime())? else { return Ok(Outcome::Unfinished) };
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
