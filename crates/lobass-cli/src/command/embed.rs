//! `lobass embed`.

use lobass::embedding;
use lobass::embedding::{EmbeddingReport, embeddings_done_before, write_embeddings};
use lobass::model::Model;
use lobass::outputs::work_beside;
use lobass::place::told_in;
use lobass::scoring;
use lobass::sequences::Sequences;
use lobass::settings::Settings;
use lobass_run::EmbeddingFile;

use super::said;
use crate::args::EmbedArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn embed(args: &EmbedArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let base = Model::open_as("base", &args.base, &settings.compute, ui.runtime())?;
    let beside = work_beside(&args.out);
    let place = args.work.clone().unwrap_or_else(|| beside.as_path().into());
    let told = match told_in(&place, ui.runtime())? {
        None if args.out.exists() => EmbeddingFile::open(&args.out)?.manifest().template.now.clone(),
        told => told,
    };
    let config = base.checkpoint.config();
    let sequences = Sequences::open(
        &settings.data,
        &settings.sequences,
        base.checkpoint.dir(),
        config,
        told,
        ui.runtime(),
    )?;
    let plan = sequences.plan()?;
    let options = args.vectors.options();
    if let Some(report) = embeddings_done_before(&args.out, &plan, &base.key, options, ui.runtime())? {
        if args.work.is_none() {
            scoring::clean_up(&beside, plan, ui.runtime())?;
        }
        return said::embeddings(&report, ui);
    }
    let threads = settings.compute.threads();
    let work = scoring::encode(&sequences, &plan, &place, threads, ui.runtime())?;
    embedding::embed(&work, &base, None, threads, ui.runtime())?;
    let manifest = write_embeddings(&work, &base, options, &args.out)?;
    if args.work.is_none() {
        work.remove()?;
    }
    said::embeddings(&EmbeddingReport { embeddings: args.out.clone(), manifest }, ui)
}
