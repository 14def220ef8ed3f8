//! `lobass strategies`.

use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn strategies(ui: &Ui) -> anyhow::Result<Outcome> {
    let strategies = lobass::strategies();
    let lines: Vec<String> = strategies.iter().map(ToString::to_string).collect();
    ui.result(lines.join("\n"), &strategies)?;
    Ok(Outcome::Done)
}
