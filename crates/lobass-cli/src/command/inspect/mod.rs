//! `lobass inspect`.

mod text;

use lobass::inspect::InspectJob;
use lobass::settings::Settings;

use crate::args::InspectArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn inspect(args: &InspectArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let job = InspectJob {
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        base: &args.base,
        reference: args.reference.as_deref(),
        losses: args.losses,
        scores: args.scores.as_deref(),
        row: args.row,
    };
    let row = job.run(ui.runtime())?;
    match &row.shown {
        Some(shown) => ui.styled_result(&text::styled(&row, shown), &row)?,
        None => ui.result(&row, &row)?,
    }
    Ok(Outcome::incomplete_if(row.shown.is_none() || !row.status.is_scored()))
}
