//! `lobass less`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass::influence::{GradientStore, WarmUpDir, influence, targets};
use lobass::model::{Model, with_template_of};
use lobass::outputs::{check_empty, work_beside};
use lobass::place::{store, told_in_dir};
use lobass::reference::TrainingRecord;
use lobass::scoring;
use lobass::scoring::n_skipped;
use lobass::sequences::{Sequences, open_pool};
use lobass::settings::{DataSettings, Settings};
use lobass_core::RowStatus;
use lobass_core::readable::{Labelled, count, counted};
use lobass_data::Duplicates;
use lobass_influence::Projection;
use lobass_run::{RowScoreWriter, WorkDir};
use serde_json::{Value, json};

use crate::args::LessArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn less(args: &LessArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if args.out.exists() {
        bail!("`{}` is there already; remove it or use another name", args.out.display());
    }
    if args.projection_dim == 0 && args.projection_seed != 0 {
        bail!("`--projection-seed` only applies to a projection, found `--projection-dim 0`");
    }
    let dir = args.work.clone().unwrap_or_else(|| work_beside(&args.out));
    let (pool_dir, target_dir) = (dir.join("pool"), dir.join("targets"));
    if !pool_dir.join("plan.json").exists() {
        check_empty(&dir)?;
    }
    let base = Model::open_as("base", &args.base, &settings.compute, ui.runtime())?;
    let warm_ups = args
        .checkpoints
        .iter()
        .map(|dir| WarmUpDir::open(&base, dir, ui.runtime()))
        .collect::<Result<Vec<_>, _>>()?;
    let told = match told_in_dir(&pool_dir, ui.runtime())? {
        None => TrainingRecord::read(&args.checkpoints[0])?.and_then(|record| record.told()),
        told => told,
    };
    let config = base.checkpoint.config();
    let tuned = args.checkpoints.first().map(PathBuf::as_path);
    let encode = with_template_of(&settings.sequences, base.checkpoint.dir(), tuned, ui.runtime())?;
    let sequences =
        Sequences::open(&settings.data, &encode, base.checkpoint.dir(), config, told, ui.runtime())?;
    let target_data =
        DataSettings { files: args.target.clone(), duplicates: Duplicates::Keep, ..settings.data.clone() };
    let target_pool = open_pool(&target_data, ui.runtime())?;

    let threads = settings.compute.threads();
    let plan = sequences.plan()?;
    let target_plan = sequences.plan_of(&target_pool)?;
    fs_err::create_dir_all(&dir)?;
    let pool = scoring::encode(&sequences, &plan, &pool_dir.as_path().into(), threads, ui.runtime())?;
    let target = WorkDir::open(store(&target_dir.as_path().into(), ui.runtime())?, target_plan)?;
    target.encode(&target_pool, &sequences.encoder, threads, &mut |_| ())?;

    let dim = Some(args.projection_dim).filter(|&dim| dim > 0);
    let gradients = GradientStore {
        dir: dir.join("gradients"),
        projection: Projection { seed: args.projection_seed, dim },
        format: args.gradient_format,
    };
    for warm_up in &warm_ups {
        gradients.complete(warm_up, &target, &pool, threads, ui.runtime())?;
    }
    let tasks = targets(&gradients, &warm_ups, &target, &target_pool, ui.runtime())?;
    let mut manifest = manifest(args, &base, &warm_ups, &pool, &target, &tasks.named);
    manifest["unread"] = json!(pool.unread()?);
    let parts = tasks.named.iter().map(|(name, _)| format!("to_{name}")).collect();
    let mut writer = RowScoreWriter::create(&args.out, parts, &manifest)?;
    let missing = influence(&gradients, &warm_ups, &pool, &tasks, &mut writer)?;
    writer.finish()?;
    if args.work.is_none() {
        remove(&dir, pool, target, &gradients.dir)?;
    }
    say(&args.out, &manifest, &missing, ui)
}

/// Everything that scores depend on.
fn manifest(
    args: &LessArgs,
    base: &Model,
    warm_ups: &[WarmUpDir],
    pool: &WorkDir,
    target: &WorkDir,
    tasks: &[(String, usize)],
) -> Value {
    let (plan, target) = (pool.plan(), target.plan());
    let tasks: Vec<Value> =
        tasks.iter().map(|(name, n_rows)| json!({"name": name, "n_rows": n_rows})).collect();
    json!({
        "version": 1, "tool": concat!("lobass ", env!("CARGO_PKG_VERSION")), "method": "LESS, arXiv 2402.04333",
        "plan": plan.id(), "inputs": plan.inputs, "n_rows": plan.n_rows(), "tokenizer": plan.tokenizer,
        "template": plan.template, "encoding": plan.encoding, "targets": target.inputs, "tasks": tasks,
        "base": base.key, "checkpoints": warm_ups.iter().map(WarmUpDir::record).collect::<Vec<_>>(),
        "projection": {"dim": args.projection_dim, "seed": args.projection_seed},
        "gradient_format": args.gradient_format.to_string(),
    })
}

fn remove(dir: &Path, pool: WorkDir, target: WorkDir, gradients: &PathBuf) -> anyhow::Result<()> {
    if gradients.exists() {
        fs_err::remove_dir_all(gradients)?;
    }
    target.remove()?;
    // Last, since its plan is how the directory is known as ours.
    pool.remove()?;
    fs_err::remove_dir(dir)
        .with_context(|| format!("`{}` holds something that is not lobass's", dir.display()))
}

fn say(out: &Path, manifest: &Value, missing: &BTreeMap<RowStatus, u64>, ui: &Ui) -> anyhow::Result<Outcome> {
    let n_missing: u64 = missing.values().sum();
    let n_scored = manifest["n_rows"].as_u64().unwrap_or_default() - n_missing;
    let mut text = Labelled::default();
    text.line("scores", out.display());
    text.line("rows", format!("{} scored", count(n_scored)));
    for (status, n) in missing {
        text.line("rows", format!("{} {status}", count(*n)));
    }
    for task in manifest["tasks"].as_array().into_iter().flatten() {
        let n_rows = task["n_rows"].as_u64().unwrap_or_default();
        text.line(
            "targets",
            format!("{}, of {}", task["name"].as_str().unwrap_or_default(), counted(n_rows, "row")),
        );
    }
    ui.result(text, &json!({"scores": out, "n_scored": n_scored, "missing": missing, "manifest": manifest}))?;
    Ok(Outcome::incomplete_if(n_skipped(missing) > 0))
}
