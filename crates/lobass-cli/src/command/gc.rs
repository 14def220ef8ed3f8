//! `lobass gc`.

use lobass::place::resume;
use lobass_core::readable::counted;
use serde_json::json;

use crate::args::GcArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn gc(args: &GcArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work, ui.runtime())?;
    let garbage = work.garbage()?;
    if !args.dry_run {
        work.remove_garbage(&garbage)?;
    }
    let what = counted(garbage.len() as u64, "object");
    let text = match args.dry_run {
        true => format!("{}\n{what} would be removed", garbage.join("\n")).trim_start().to_owned(),
        false => format!("{what} removed"),
    };
    ui.result(text, &json!({"objects": garbage, "removed": !args.dry_run}))?;
    Ok(Outcome::Done)
}
