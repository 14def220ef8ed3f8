//! `lobass plan`.

use anyhow::bail;
use lobass::plan::{JobSettings, PlanJob, PriceSettings, RateSource};
use lobass::settings::{ComputeSettings, Settings};

use crate::args::PlanArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn plan(args: &PlanArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    settings.compute.threads = args.threads.map(usize::from);
    check_device(args)?;
    let table = args.job.is_asked_for().then(|| JobSettings {
        device: args.job.device_kind(),
        dtype: args.job.dtype,
        arithmetic: args.job.arithmetic.unwrap_or_default(),
        quantize_base: args.job.quantize_base,
        reference: args.job.tuned().map(AsRef::as_ref),
        null: args.job.null.as_deref(),
        per_token: args.job.per_token,
        unconditional: args.job.context.is_some(),
        brier: args.job.brier,
    });
    let job = PlanJob {
        base: &args.base,
        data: &settings.data,
        sequences: &settings.sequences,
        work: args.work.as_ref(),
        job: table,
        explain: args.explain,
        price: price(args, settings.compute.threads()),
        threads: settings.compute.threads(),
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}

/// Refuses a device that nothing would be computed on.
fn check_device(args: &PlanArgs) -> anyhow::Result<()> {
    let flag = [("--device", args.job.device.is_some()), ("--dtype", args.job.dtype.is_some())];
    match flag.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) if !args.job.is_asked_for() && args.price.measure.is_none() => bail!(
            "`{flag}` only applies to a job (`--reference`, `--adapter`, or `--base-only`) and to `--measure`, and neither is \
             asked for"
        ),
        _ => Ok(()),
    }
}

/// The price that is asked for, if there is a way to a rate.
fn price(args: &PlanArgs, threads: usize) -> Option<PriceSettings> {
    let price = &args.price;
    let rate = match (price.measuring(), price.rate) {
        (Some(time), _) => {
            let mut compute = ComputeSettings { threads: Some(threads), ..ComputeSettings::default() };
            if let Some(device) = args.job.device {
                compute.device = device.to_string();
            }
            compute.dtype = args.job.dtype.map(|dtype| dtype.to_string());
            compute.memory = args.memory;
            RateSource::Measured { time, compute }
        }
        (None, Some(rows_per_second)) => RateSource::Given { rows_per_second, load_seconds: price.load },
        (None, None) => return None,
    };
    Some(PriceSettings {
        rate,
        devices: price.devices.map_or(1, |devices| devices as usize),
        models: price.models.unwrap_or(2),
        usd_per_device_hour: price.price,
    })
}
