//! `lobass less`.

use anyhow::bail;
use lobass::influence::InfluenceJob;
use lobass::settings::Settings;
use lobass_influence::Projection;

use crate::args::LessArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn less(args: &LessArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if args.projection_dim == 0 && args.projection_seed != 0 {
        bail!("`--projection-seed` only applies to a projection, found `--projection-dim 0`");
    }
    let dim = Some(args.projection_dim).filter(|&dim| dim > 0);
    let job = InfluenceJob {
        base: &args.base,
        checkpoints: &args.checkpoints,
        targets: &args.target,
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        projection: Projection { seed: args.projection_seed, dim },
        format: args.gradient_format,
        work: args.work.as_deref(),
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
