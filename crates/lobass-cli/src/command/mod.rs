//! One module per command.

mod check;
mod compare;
mod demo;
mod doctor;
mod embed;
mod encode;
mod federate;
mod gc;
mod generate;
mod import;
mod information;
mod inspect;
mod irft;
mod leakage;
mod less;
mod mask;
mod merge;
mod near_duplicates;
mod pages;
mod pds;
mod pending;
mod plan;
mod quality;
mod regions;
mod report;
mod run;
mod said;
mod score;
mod seal;
mod select;
mod sources;
mod status;
mod strategies;
mod train;
mod try_device;
mod worker;

use crate::args::Command;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn dispatch(command: Command, ui: &Ui) -> anyhow::Result<Outcome> {
    match command {
        Command::Demo(args) => demo::demo(&args, ui),
        Command::Run(args) => run::run(&args, ui),
        Command::Train(args) => train::train(&args, ui),
        Command::FederateTrain(args) => federate::train(&args, ui),
        Command::Score(args) => score::score(&args, ui),
        Command::Encode(args) => encode::encode(&args, ui),
        Command::Import(args) => import::import(&args, ui),
        Command::Embed(args) => embed::embed(&args, ui),
        Command::Less(args) => less::less(&args, ui),
        Command::Generate(args) => generate::generate(&args, ui),
        Command::Irft(args) => irft::irft(&args, ui),
        Command::Pds(args) => pds::pds(&args, ui),
        Command::Plan(args) => plan::plan(&args, ui),
        Command::Worker(args) => worker::worker(&args, ui),
        Command::Pending(args) => pending::pending(&args, ui),
        Command::Status(args) => status::status(&args, ui),
        Command::Seal(args) => seal::seal(&args, ui),
        Command::Gc(args) => gc::gc(&args, ui),
        Command::Merge(args) => merge::merge(&args, ui),
        Command::Select(args) => select::select(&args, ui),
        Command::FederateSelect(args) => federate::select(&args, ui),
        Command::Mask(args) => mask::mask(&args, ui),
        Command::Compare(args) => compare::compare(&args, ui),
        Command::Report(args) => report::report(&args, ui),
        Command::Regions(args) => regions::regions(&args, ui),
        Command::Inspect(args) => inspect::inspect(&args, ui),
        Command::Information(args) => information::information(&args, ui),
        Command::Sources(args) => sources::sources(&args, ui),
        Command::Leakage(args) => leakage::leakage(&args, ui),
        Command::Check(args) => check::check(&args, ui),
        Command::Quality(args) => quality::quality(&args, ui),
        Command::NearDuplicates(args) => near_duplicates::find(&args, ui),
        Command::Strategies => strategies::strategies(ui),
        Command::Doctor => doctor::doctor(ui),
        Command::Completions(args) => pages::completions(&args),
        Command::Man(args) => pages::man(&args, ui),
        Command::Markdown => pages::markdown(),
        Command::TryDevice(args) => try_device::try_device(&args, ui),
    }
}
