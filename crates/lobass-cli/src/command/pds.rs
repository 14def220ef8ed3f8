//! `lobass pds`.

use anyhow::bail;
use lobass::influence::pds::{PdsJob, PdsSettings};
use lobass::settings::{Method, Settings};
use lobass_core::readable::Labelled;
use lobass_model::LoraConfig;
use serde_json::json;

use crate::args::PdsArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn pds(args: &PdsArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let mut lora = LoraConfig::default();
    args.lora.apply(&mut lora);
    let adapter = match args.method.unwrap_or_default() {
        Method::Lora => Some(lora),
        Method::Full if lora != LoraConfig::default() => bail!("LoRA settings need `--method lora`"),
        Method::Full => None,
    };
    let training = PdsSettings {
        steps: args.steps,
        learning_rate: args.learning_rate,
        batch_size: args.batch_size,
        every: args.every,
        curvature: args.curvature,
        row_loss: args.row_loss,
        radius: args.radius,
        seed: args.train_seed,
        adapter,
    };
    let job = PdsJob {
        base: &args.base,
        targets: &args.target,
        data: &settings.data,
        sequences: &settings.sequences,
        compute: &settings.compute,
        settings: &training,
        work: args.work.as_deref(),
        part: args.part.part()?,
        out: &args.out,
    };
    let Some(report) = job.run(ui.runtime())? else {
        let mut text = Labelled::default();
        text.line("part", "its losses are computed; the same command without `--rank` joins all parts");
        ui.result(text, &json!({ "scores": null }))?;
        return Ok(Outcome::Done);
    };
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
