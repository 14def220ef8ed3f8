//! `lobass generate`.

use lobass::generation::GenerateJob;
use lobass::settings::Settings;

use crate::args::GenerateArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn generate(args: &GenerateArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let job = GenerateJob {
        model: &args.model,
        base: args.base.as_deref(),
        reference: args.reference.as_deref(),
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        sampling: &args.sampling.settings(),
        slice: None,
        pairs: args.pairs.as_deref(),
        work: args.work.as_ref(),
        part: args.part.part()?,
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
