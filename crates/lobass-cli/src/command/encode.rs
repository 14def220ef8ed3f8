//! `lobass encode`.

use lobass::encoding::EncodeJob;
use lobass::settings::Settings;

use crate::args::TokensArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn encode(args: &TokensArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    let job = EncodeJob {
        data: &settings.data,
        sequences: &settings.sequences,
        tokenizer: &args.base,
        template_time: args.template_time.clone(),
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
