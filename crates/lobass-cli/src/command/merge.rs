//! `lobass merge`.

use std::sync::Arc;

use lobass::model::{Model, check_adapter, check_record};
use lobass::outputs;
use lobass::settings::Settings;
use lobass_core::readable::Labelled;
use lobass_data::brought_template;
use serde_json::json;

use crate::args::MergeArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn merge(args: &MergeArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let adapter = check_adapter(&args.adapter, ui.runtime())?;
    outputs::check_empty(&args.out)?;
    let settings = Settings::default();
    let base = Model::open_as("base", &args.base, &settings.compute, ui.runtime())?;
    check_record(&base, &adapter.dir)?;
    let tuned = base.open_tuned("adapter", &args.adapter, ui.runtime())?;
    let dtype = args.dtype.unwrap_or(base.checkpoint.dtype());
    let merged = tuned.load()?.merged();
    let checkpoint = Arc::clone(&base.checkpoint);
    checkpoint.save_successor(&merged, dtype, &args.out)?;
    // What the adapter was tuned with is what the merged model is for. The file goes before one in a config.
    let template = brought_template(&adapter.dir)?;
    if let Some(template) =
        template.filter(|own| brought_template(base.dir()).ok().flatten().as_ref() != Some(own))
    {
        fs_err::write(args.out.join("chat_template.jinja"), template)?;
        ui.note(&format!("{:16} that of `{}`", "template", args.adapter.display()));
    }
    let mut text = Labelled::default();
    text.line("checkpoint", args.out.display());
    text.line("weights", format!("{dtype}, the adapter baked in"));
    ui.result(text, &json!({"checkpoint": args.out, "dtype": dtype.to_string()}))?;
    Ok(Outcome::Done)
}
