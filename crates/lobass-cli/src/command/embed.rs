//! `lobass embed`.

use lobass_run::EmbeddingFile;

use crate::args::EmbedArgs;
use crate::exit::Outcome;
use crate::inputs::Sequences;
use crate::models::Model;
use crate::outputs::work_beside;
use crate::settings::Settings;
use crate::stages::{self, embeddings_done_before, say_embeddings, write_embeddings};
use crate::ui::Ui;
use crate::work::told_in;

pub(crate) fn embed(args: &EmbedArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let base = Model::open("base", &args.base, &settings.compute, ui)?;
    let beside = work_beside(&args.out);
    let place = args.work.clone().unwrap_or_else(|| beside.as_path().into());
    let told = match told_in(&place)? {
        None if args.out.exists() => EmbeddingFile::open(&args.out)?.manifest().template.now.clone(),
        told => told,
    };
    let config = base.checkpoint.config();
    let sequences =
        Sequences::open(&settings.data, &settings.sequences, base.checkpoint.dir(), config, told, ui)?;
    let plan = sequences.plan()?;
    let options = args.vectors.options();
    if let Some(outcome) = embeddings_done_before(&args.out, &plan, &base.key, options, ui)? {
        if args.work.is_none() {
            stages::clean_up(&beside, plan)?;
        }
        return Ok(outcome);
    }
    let threads = settings.compute.threads();
    let work = stages::encode(&sequences, &plan, &place, threads, ui)?;
    stages::embed(&work, &base, None, threads, ui)?;
    let manifest = write_embeddings(&work, &base, options, &args.out)?;
    if args.work.is_none() {
        work.remove()?;
    }
    say_embeddings(&args.out, &manifest, ui)
}
