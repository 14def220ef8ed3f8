//! `lobass federate-select` and `lobass federate-train`.

use anyhow::bail;
use lobass::federated::FederatedSelectJob;
use lobass::federated::train::{FederatedMethod, FederatedSettings, FederatedTrainJob};
use lobass::settings::{SelectSettings, Settings};
use lobass_model::LoraConfig;

use crate::args::{FederateSelectArgs, FederateTrainArgs};
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn select(args: &FederateSelectArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = SelectSettings::default();
    args.selection.apply(&mut settings);
    let job = FederatedSelectJob {
        scores: &args.scores,
        strategy: &args.strategy,
        settings: &settings,
        min_count: args.min_count,
        own_references: args.own_references,
        out: args.out.as_deref(),
        messages: args.messages.as_deref(),
    };
    let report = job.run(ui.runtime())?;
    if args.out.is_none() {
        ui.warn("nothing was written: `--out` names a directory for the rows");
    }
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}

pub(crate) fn train(args: &FederateTrainArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.steps.apply(&mut settings.train);
    let is_slora = args.method == FederatedMethod::Slora;
    let of_slora = [
        ("--sparse-rounds", args.sparse_rounds.is_some()),
        ("--density", args.density.is_some()),
        ("--sparse-learning-rate", args.sparse_learning_rate.is_some()),
        ("--keep-rest", args.keep_rest),
    ];
    if let Some((flag, _)) = of_slora.into_iter().find(|(_, is_given)| *is_given && !is_slora) {
        bail!("`{flag}` needs `--method slora`");
    }
    if args.method == FederatedMethod::Full && settings.train.lora != LoraConfig::default() {
        bail!("LoRA settings need `--method lora` or `slora`");
    }
    if settings.train.order_seed.is_some() {
        bail!(
            "`--order-seed` has no effect here: every client has an order for each round, by `--train-seed`"
        );
    }
    if settings.train.save_every.is_some() {
        bail!("`--save-every` has no effect here: a client's part of a round is what is saved");
    }
    let default = FederatedSettings::default();
    let federation = FederatedSettings {
        clients: args.clients,
        split: args.split,
        by: args.by.clone(),
        rounds: args.rounds,
        per_round: args.per_round,
        weights: args.weights,
        method: args.method,
        aggregate: args.aggregate,
        sparse_rounds: args.sparse_rounds.unwrap_or(default.sparse_rounds),
        density: args.density.unwrap_or(default.density),
        sparse_learning_rate: args.sparse_learning_rate,
        keep_rest: args.keep_rest,
        eval_rows: args.eval_rows,
    };
    let job = FederatedTrainJob {
        base: &args.base,
        data: &settings.data,
        sequences: &settings.sequences,
        train: &settings.train,
        settings: &federation,
        compute: &settings.compute,
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}
