//! `lobass score`.

use std::path::Path;

use anyhow::bail;
use lobass::embedding;
use lobass::model::Placement;
use lobass::model::{Model, check_adapter, check_pair, with_template_of};
use lobass::outputs::{self, work_beside};
use lobass::place::told_in;
use lobass::reference::TrainingRecord;
use lobass::references;
use lobass::references::further;
use lobass::scoring;
use lobass::scoring::Fleet;
use lobass::sequences::Sequences;
use lobass::settings::Settings;
use lobass::table::{TableFormat, write_table};
use lobass_core::readable::counted;
use lobass_core::{ColumnSet, Detail, Observer as _};
use lobass_run::{EmbeddingFile, Location, ModelKey, Plan, ScoreFile};

use super::said;
use crate::args::ScoreArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn score(args: &ScoreArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if args.embeddings.is_none() && args.vectors.is_given() {
        bail!("`--embedding-format` and `--normalize-embeddings` need `--embeddings FILE`");
    }
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if let Some(first) = args.devices.first() {
        settings.compute.device.clone_from(first);
    }
    let detail = if args.per_token { Detail::PerToken } else { Detail::Sum };
    let format = TableFormat::of(&args.out, detail)?;

    let base =
        Model::open_on("base", &args.base, Placement::here(&settings.compute, ui.runtime())?, ui.runtime())?;
    if let Some(adapter) = &args.adapter {
        check_adapter(adapter, ui.runtime())?;
    }
    let tuned = args.reference.as_deref().or(args.adapter.as_deref());
    let reference = tuned.map(|dir| base.open_tuned("reference", dir, ui.runtime())).transpose()?;
    let beside = work_beside(&args.out);
    let place = args.work.clone().unwrap_or_else(|| beside.as_path().into());
    let record = reference.as_ref().map(|model| TrainingRecord::read(model.dir())).transpose()?.flatten();
    let told = told(args, &place, record.as_ref(), ui)?;
    let config = base.checkpoint.config();
    let encode =
        with_template_of(&settings.sequences, base.dir(), reference.as_ref().map(Model::dir), ui.runtime())?;
    let sequences = Sequences::open(&settings.data, &encode, base.dir(), config, told, ui.runtime())?;
    if let Some(reference) = &reference {
        check_pair(&base, reference, sequences.encoder.tokenizer(), ui.runtime())?;
    }
    let further = further(&base, args.context.is_some(), args.brier, &sequences)?;
    let models: Vec<&Model> = std::iter::once(&base).chain(&reference).chain(&further).collect();
    let dirs = std::iter::once(&base).chain(&reference).map(Model::dir).collect();
    let plan = sequences.plan()?;
    if let Some(file) = &args.embeddings {
        outputs::check(&[args.out.clone(), file.clone()], &[])?;
        check_embeddings(file, args, &plan, &base.key)?;
    }
    if args.out.exists() {
        let keys: Vec<ModelKey> = models.iter().map(|model| model.key.clone()).collect();
        let outcome = done_before(&args.out, &plan, &keys, detail, settings.compute.threads(), ui)?;
        if args.work.is_none() {
            scoring::clean_up(&beside, plan, ui.runtime())?;
        }
        return Ok(outcome);
    }

    let threads = settings.compute.threads();
    let (work, seal) = if args.devices.is_empty() {
        let work = if args.embeddings.is_none() {
            scoring::encode_and_score(&sequences, &plan, &place, &base, detail, threads, ui.runtime())?
        } else {
            let work = scoring::encode(&sequences, &plan, &place, threads, ui.runtime())?;
            embedding::embed(&work, &base, Some(detail), threads, ui.runtime())?;
            work
        };
        models[1..]
            .iter()
            .try_for_each(|model| scoring::score(&work, model, detail, threads, ui.runtime()))?;
        let seal = references::given(&base, reference.as_ref(), &further, &work, detail, ui.runtime())?;
        (work, seal)
    } else {
        let work = scoring::encode(&sequences, &plan, &place, threads, ui.runtime())?;
        let seal = references::given(&base, reference.as_ref(), &further, &work, detail, ui.runtime())?;
        let fleet = Fleet { place: &place, devices: &args.devices, threads, dirs, runtime: ui.runtime() };
        if !fleet.run(&work, &work.put_job(seal.clone())?)? {
            return Ok(Outcome::Unfinished);
        }
        (work, seal)
    };
    if let Some(file) = args.embeddings.as_ref().filter(|file| !file.exists()) {
        let vectors = embedding::write_embeddings(&work, &base, args.vectors.options(), file)?;
        let n_present = counted(vectors.n_present, "row");
        ui.note(&format!("{:16} {}: {n_present} with a vector", "embeddings", file.display()));
    }
    let report = write_table(&work, &seal, 0, &args.out, format, ui.runtime())?;
    if args.work.is_none() {
        work.remove()?;
    }
    said::table(&args.out, &report.manifest, &report.reasons, threads, ui)
}

/// Vectors are written before the table. So a table without them was made by a command that asked for none, and
/// vectors that are there are either these or none of our business.
fn check_embeddings(file: &Path, args: &ScoreArgs, plan: &Plan, base: &ModelKey) -> anyhow::Result<()> {
    if !file.exists() {
        if args.out.exists() {
            bail!(
                "`{}` is there and `{}` is not: `lobass embed` makes the vectors of a table that is done",
                args.out.display(),
                file.display()
            );
        }
        return Ok(());
    }
    Ok(embedding::check_embeddings(&EmbeddingFile::open(file)?, plan, base, args.vectors.options())?)
}

/// The time that templates were told before: by an interrupted run, by the table that is there, or by the reference.
fn told(
    args: &ScoreArgs,
    work: &Location,
    record: Option<&TrainingRecord>,
    ui: &Ui,
) -> anyhow::Result<Option<String>> {
    if let Some(told) = told_in(work, ui.runtime())? {
        return Ok(Some(told));
    }
    if args.out.exists() {
        return Ok(ScoreFile::open(&args.out)?.manifest().template.now.clone());
    }
    Ok(record.and_then(TrainingRecord::told))
}

/// A table that is there already is either this one or none of our business.
fn done_before(
    out: &Path,
    plan: &Plan,
    models: &[ModelKey],
    detail: Detail,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<Outcome> {
    let table = ScoreFile::open(out)?;
    let found = table.manifest();
    let digest = |key: &ModelKey| (key.role.clone(), key.weights_digest.clone(), key.dtype.clone());
    let scored_by: Vec<_> = found.models.iter().map(|record| digest(&record.model)).collect();
    let same = found.plan == plan.id()
        && scored_by == models.iter().map(digest).collect::<Vec<_>>()
        && found.per_token == (detail == Detail::PerToken);
    if !same {
        bail!(
            "`{}` was made from other data, models, or settings; remove it or use another name",
            out.display()
        );
    }
    ui.note(&format!("{:16} done before: {}", "table", out.display()));
    let columns = table.columns(&ColumnSet::default(), 0, threads)?;
    said::table(out, found, &columns.reasons, threads, ui)
}
