//! `lobass train`.

use lobass::model::Model;
use lobass::sequences::open_pool;
use lobass::settings::Settings;
use lobass::{Missing, TrainOptions, train as train_on};

use crate::args::TrainArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn train(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.memory.apply(&mut settings.compute);
    args.recipe.apply(&mut settings.train, &mut settings.eval);
    settings.train.context = args.context.unwrap_or_default();
    let eval: Vec<String> = settings.eval.files.iter().map(|path| path.display().to_string()).collect();
    let missing = Missing::default().model("base", &args.model).data(&settings.data, ui.runtime());
    let missing = missing.further_data("evaluation file", &eval, ui.runtime());
    missing.apart(&args.out, &settings.data).sequences(&settings.sequences).end()?;
    let base = Model::open_as("base", &args.model, &settings.compute, ui.runtime())?;
    let pool = open_pool(&settings.data, ui.runtime())?;
    let options = TrainOptions {
        threads: Some(settings.compute.threads()),
        sequences: settings.sequences,
        train: settings.train,
        eval: settings.eval,
        data: settings.data,
        trajectory: args.trajectory,
    };
    let report = train_on(&pool, &base, &options, &args.out, ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.n_skipped > 0))
}
