//! One module per command.

mod demo;
mod doctor;
mod inspect;
mod merge;
mod plan;
mod run;
mod score;
mod select;
mod strategies;
mod train;
mod try_device;

use crate::args::Command;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn dispatch(command: Command, ui: Ui) -> anyhow::Result<Outcome> {
    match command {
        Command::Demo(args) => demo::demo(&args, ui),
        Command::Run(args) => run::run(&args, ui),
        Command::Train(args) => train::train(&args, ui),
        Command::Score(args) => score::score(&args, ui),
        Command::Plan(args) => plan::plan(&args, ui),
        Command::Merge(args) => merge::merge(&args, ui),
        Command::Select(args) => select::select(&args, ui),
        Command::Inspect(args) => inspect::inspect(&args, ui),
        Command::Strategies => strategies::strategies(ui),
        Command::Doctor => doctor::doctor(ui),
        Command::TryDevice(args) => try_device::try_device(&args, ui),
    }
}
