//! `lobass select`.

use lobass::Missing;
use lobass::selection::{SelectionTarget, Selector, check_scored, columns_of, reads_rows};
use lobass::sequences::open_scored_pool;
use lobass::settings::{SelectSettings, available_threads};
use lobass_run::ScoreFile;

use crate::args::SelectArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn select(args: &SelectArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = SelectSettings::default();
    args.selection.apply(&mut settings);
    settings.check([args.strategy.as_str()])?;
    let strategy = settings.strategy(&args.strategy)?;
    Missing::default().file("score table", &args.scores).select(&settings).end()?;
    let table = ScoreFile::open(&args.scores)?;
    let wanted = columns_of([strategy], &settings, table.manifest())?;
    let columns = table.columns(&wanted, settings.seed, available_threads())?;
    check_scored(&settings, &columns)?;
    let reads_rows = args.out.is_some() || reads_rows(strategy, &settings);
    let pool = open_scored_pool(&args.scores, &args.data, table.manifest(), reads_rows, ui.runtime())?;
    let target = SelectionTarget { out: args.out.clone(), index: args.index.clone() };
    target.check(&pool, &args.scores, &settings)?;
    target.note_replaced(&pool, ui.runtime())?;
    let selector = Selector::open(&table, &pool, [strategy], &settings)?;
    let report = selector.choose_and_write(&columns, strategy, &settings, &target)?;
    if args.out.is_none() && args.index.is_none() {
        ui.warn("nothing was written: `--out` names a file for the rows, `--index` one for a list of them");
    }
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
