//! `lobass doctor`: what there is to compute on, and where models come from.

use lobass::machine::Machine;

use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn doctor(ui: &Ui) -> anyhow::Result<Outcome> {
    let machine = Machine::look(ui.runtime());
    ui.result(&machine, &machine)?;
    Ok(Outcome::Done)
}
