//! `lobass near-duplicates`.

use lobass::checks::NearDuplicatesJob;
use lobass::settings::{DataSettings, available_threads};
use lobass_text::GroupOptions;

use crate::args::NearDuplicatesArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn find(args: &NearDuplicatesArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut data = DataSettings::default();
    args.data.apply(&mut data);
    let job = NearDuplicatesJob {
        data: &data,
        options: GroupOptions { jaccard: args.jaccard, seed: args.seed },
        out: args.out.as_deref(),
        threads: args.threads.map_or_else(available_threads, usize::from),
    };
    let found = job.run(ui.runtime())?;
    ui.result(&found, &found)?;
    Ok(Outcome::incomplete_if(found.falls_short()))
}
