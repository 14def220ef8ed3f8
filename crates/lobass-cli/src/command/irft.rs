//! `lobass irft`.

use lobass::irft::IrftJob;
use lobass::settings::Settings;

use crate::args::{AnchorArg, IrftArgs};
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn irft(args: &IrftArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.recipe.apply(&mut settings.train, &mut settings.eval);
    let anchor = match (args.anchor, &args.base) {
        (AnchorArg::Moving, None) => None,
        (AnchorArg::Base, Some(base)) => Some(base.as_path()),
        (AnchorArg::Moving, Some(_)) => anyhow::bail!("`--base` has no effect without `--anchor base`"),
        (AnchorArg::Base, None) => anyhow::bail!("`--anchor base` needs the pretrained model: `--base`"),
    };
    let job = IrftJob {
        model: &args.model,
        anchor,
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        sampling: &args.answers.settings(),
        train: &settings.train,
        eval: &settings.eval,
        rounds: args.rounds,
        every_row: args.every_row,
        with_previous: args.with_previous,
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
