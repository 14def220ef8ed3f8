//! `lobass run`: everything, in one directory.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass::Missing;
use lobass::run::run as run_with;
use lobass::settings::{Settings, settings_of_trainer};
use serde_json::json;

use crate::args::RunArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn run(args: &RunArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.init {
        return init(path, ui);
    }
    let report = run_with(&settings(args, ui)?, ui.runtime())?;
    let page = format!("page       {}\n", report.page.display());
    let text = format!("{}\n{}\n{page}{}", report.references, report.texts.join("\n"), report.compared);
    ui.result(text, &report.json)?;
    Ok(Outcome::incomplete_if(report.falls_short))
}

fn init(path: &Path, ui: &Ui) -> anyhow::Result<Outcome> {
    if path.exists() {
        bail!("`{}` is there already; remove it or name another file", path.display());
    }
    fs_err::write(path, include_str!("../lobass.toml"))?;
    ui.result(format!("wrote {}", path.display()), &json!({"wrote": path}))?;
    Ok(Outcome::Done)
}

/// The config file, or that of another trainer, if there is one, and the flags over it.
fn settings(args: &RunArgs, ui: &Ui) -> anyhow::Result<Settings> {
    let missing = Missing::default().files("config file", args.config.as_deref().filter(|path| *path != "%"));
    missing.files("config of a trainer", args.from.as_deref()).end()?;
    let mut settings: Settings = match (&args.config, &args.from) {
        (None, None) => Settings::default(),
        (None, Some(path)) => settings_of_trainer(path, ui.runtime())?,
        (Some(path), _) if path.as_os_str() == "%" => {
            bail!("`%` is taken for a config file; a budget is one word, as in `--budget 6%`")
        }
        (Some(path), _) => toml::from_str(&fs_err::read_to_string(path)?)
            .with_context(|| format!("config `{}`", path.display()))?,
    };
    settings.model.base = args.base.clone().or(settings.model.base);
    settings.model.reference = args.reference.clone().or(settings.model.reference);
    settings.model.null = args.null.clone().or(settings.model.null);
    settings.out = args.out.clone().or(settings.out);
    if !args.strategy.is_empty() {
        settings.select.strategies.clone_from(&args.strategy);
    }
    if settings.select.strategies.is_empty() {
        settings.select.strategies.push("lobass".to_owned());
    }
    args.selection.apply(&mut settings.select);
    args.recipe.apply(&mut settings.train, &mut settings.eval);
    args.references.apply(&mut settings.reference);
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    args.memory.apply(&mut settings.compute);
    Ok(settings)
}
