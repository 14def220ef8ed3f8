//! `lobass compare --pairs`.

use anyhow::bail;
use lobass::Missing;
use lobass::comparison::{Devices, HeldOutPairs, PairsJob};
use lobass::sequences::open_pool;
use lobass::settings::{DataSettings, SelectSettings, Settings};
use lobass_evidence::Bootstrap;

use super::pairs_text::text;
use crate::args::CompareArgs;
use crate::exit::Outcome;
use crate::stream::Stream;
use crate::ui::Ui;

pub(super) fn compare(args: &CompareArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let ui = &if args.trial_worker.is_some() { ui.silent() } else { ui.clone() };
    let settings = settings(args)?;
    let threads = args.trial_threads.unwrap_or_else(|| settings.compute.threads());
    let eval = DataSettings { files: args.eval.clone(), ..settings.data.clone() };
    let missing = Missing::default().model("base", &args.base).data(&settings.data, ui.runtime());
    let missing = missing.further_data("evaluation file", &args.eval, ui.runtime());
    missing.sequences(&settings.sequences).apart(&args.out, &settings.data).end()?;
    let pool = open_pool(&settings.data, ui.runtime())?;
    let eval = (!args.eval.is_empty()).then(|| open_pool(&eval, ui.runtime())).transpose()?;
    let job = PairsJob {
        pool: &pool,
        held_out: HeldOutPairs { rows: eval.as_ref(), share: args.pairs.eval_share(), policy: args.overlap },
        base: &args.base,
        arms: &args.pairs.arms(&args.strategy),
        settings: &settings,
        n_seeds: args.seeds.into(),
        matchings: &args.pair_matchings(),
        tokens: args.tokens,
        steps: args.pairs.steps,
        bootstrap: Bootstrap { n_resamples: args.resamples, ..Bootstrap::default() },
        threads,
        out: &args.out,
    };
    let comparison = job.open(ui.runtime())?;
    if args.trial_worker.is_some() {
        comparison.serve(std::io::stdin().lock(), std::io::stdout(), ui.runtime())?;
        return Ok(Outcome::Done);
    }
    let report = if args.devices.is_empty() {
        comparison.run(ui.runtime())?
    } else {
        let devices =
            Devices { names: &args.devices, threads, arguments: ui.arguments(), runtime: ui.runtime() };
        let Some(report) = comparison.run_on(&devices, ui.runtime())? else { return Ok(Outcome::Unfinished) };
        report
    };
    ui.result(text(&report, Stream::Out.width()), &report)?;
    Ok(Outcome::incomplete_if(comparison.falls_short()))
}

/// The settings of the request. Of the selection only the budget and the seed are used.
fn settings(args: &CompareArgs) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    settings.data.files.clone_from(&args.data);
    args.reading.apply(&mut settings.data);
    args.selection.apply(&mut settings.select);
    args.training.apply(&mut settings.train);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if let Some(device) = args.trial_worker.as_ref().or(args.devices.first()) {
        settings.compute.device.clone_from(device);
    }
    let SelectSettings { budget, seed, .. } = &settings.select;
    let used = SelectSettings { budget: budget.clone(), seed: *seed, ..SelectSettings::default() };
    if settings.select != used {
        bail!(
            "`--pairs` selects by strategy, `--budget`, and `--seed`: expected no other flag of a selection, found `{}`",
            settings.select.spelled().trim()
        );
    }
    Ok(settings)
}
