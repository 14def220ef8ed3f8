//! `lobass embed`.

use lobass::embedding::EmbedJob;
use lobass::settings::Settings;

use crate::args::EmbedArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn embed(args: &EmbedArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.memory.apply(&mut settings.compute);
    let job = EmbedJob {
        model: &args.base,
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        options: args.vectors.options(),
        work: args.work.as_ref(),
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
