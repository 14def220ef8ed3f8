//! `lobass leakage`.

use lobass::leakage::{LeakageJob, QuestionInput};
use lobass::settings::Settings;

use crate::args::LeakageArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn leakage(args: &LeakageArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.compute.apply(&mut settings.compute);
    let job = LeakageJob {
        base: &args.base,
        reference: args.reference.as_deref(),
        data: &QuestionInput::files(&args.data),
        control: &QuestionInput::files(&args.control),
        format: args.benchmark.clone(),
        orders: args.orders.map(|orders| orders as usize),
        seed: args.seed,
        compute: &settings.compute,
        out: args.out.as_deref(),
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
