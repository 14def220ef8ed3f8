//! `lobass import`.

use lobass::import::{ImportJob, ImportOptions, LossInput, ModelLosses, Program};
use lobass::settings::Settings;

use crate::args::ImportArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn import(args: &ImportArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    let options = ImportOptions {
        sequences: settings.sequences,
        template_time: args.template_time.clone(),
        program: Program {
            name: args.program.clone(),
            version: args.program_version.clone(),
            dtype: args.losses_dtype.clone(),
        },
        per_token: args.per_token,
        threads: args.threads.map(usize::from),
    };
    let base_name = args.base_name.clone().unwrap_or_else(|| args.base.display().to_string());
    let reference = args.reference_losses.clone().zip(args.reference_name.clone());
    let losses = |file, name| ModelLosses { losses: LossInput::File(file), name };
    let job = ImportJob {
        data: &settings.data,
        options: &options,
        tokenizer: &args.base,
        base: losses(args.base_losses.clone(), base_name),
        reference: reference.map(|(file, name)| losses(file, name)),
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
