//! Training a reference.

mod examples;
mod metrics;
mod part;
mod record;
mod request;
mod sources;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use examples::{Examples, Prepared, Row, longest};
use lobass_core::readable::counted;
use lobass_core::{Context, Observer as _};
use lobass_mixture::MixingPolicy;
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, Dtype, save_adapter};
use lobass_run::WorkDir;
use lobass_train::{Event, Session, Sources, TrainConfig, TrainData, fine_tune};
use metrics::Metrics;

use crate::error::{Result, bail};
use crate::model::Room;
use crate::outputs;
use crate::progress;
use crate::runtime::Runtime;

pub(crate) use examples::check_rows;
pub use part::Part;
pub use record::{MixedSource, Trained, TrainingRecord};
pub(crate) use request::{TrainRequest, check_memory, has_state};

/// The file with the state of the optimizer at the end of an epoch of an adapter. LESS reads it.
pub(crate) const MOMENTS: &str = "optimizer.safetensors";

/// The directory of the model of an epoch, inside the directory of the reference.
pub(crate) fn epoch_dir(reference: &Path, epoch: u32) -> PathBuf {
    reference.join("epochs").join(format!("epoch-{epoch}"))
}

/// The outcome, if the directory already holds this very reference; `None` if it is empty or unfinished.
///
/// # Errors
/// If the directory holds something else.
pub(crate) fn trained_before(request: &TrainRequest<'_>) -> Result<Option<Trained>> {
    let dir = request.out.display();
    let Some(found) = TrainingRecord::read(request.out)? else {
        if request.out.join("config.json").exists() || AdapterCheckpoint::is_at(request.out) {
            bail!(Training, "`{dir}` holds a model that lobass did not train; use another directory");
        }
        outputs::check_empty(request.out)?;
        return Ok(None);
    };
    if found.outcome.is_none() {
        return Ok(None);
    }
    let differences = request.record()?.differences(&found);
    if differences.is_empty() {
        check(request, request.out)?;
        let epochs = if request.trajectory { request.recipe.epochs } else { 0 };
        (1..=epochs).try_for_each(|epoch| check(request, &epoch_dir(request.out, epoch)))?;
        // A killed attempt may have left states although training was done.
        request.checkpoints().remove()?;
        return Ok(found.outcome);
    }
    bail!(Training, "`{dir}` was trained with other {}; use another directory", differences.join(", "));
}

/// Trains the reference on the rows of a work directory, and writes its checkpoint or adapter. An interrupted attempt
/// is resumed from its last state.
///
/// # Errors
/// If no row can be trained on, a loss is not finite, a file cannot be written, or the observer asks to stop.
pub(crate) fn train_reference(
    request: &TrainRequest<'_>,
    work: &WorkDir,
    runtime: &Runtime,
) -> Result<Trained> {
    let recipe = request.recipe;
    let Examples { train, held_out, held_out_rows, eval_files, sources } =
        Examples::of(request, work, runtime)?;
    let n_train = train.len();
    recipe.check_steps(recipe.n_steps(n_train))?;
    let checkpoints = request.checkpoints();
    let record = TrainingRecord { eval_files, ..request.record()? };
    if let Some(found) = TrainingRecord::read(request.out)?
        && !record.differences(&found).is_empty()
    {
        runtime.note(&format!(
            "{:16} an unfinished training had other settings; training starts again",
            "train"
        ));
        checkpoints.remove()?;
        remove_leftovers(request.out)?;
    }
    let longest = longest(&train);
    let room = request.room(longest)?;
    announce(request, &train, held_out.len(), runtime);

    fs_err::create_dir_all(request.out)?;
    // First, so that what an interrupted attempt leaves is known as ours.
    record.write(request.out)?;
    let source_of = |rows: &[Row]| rows.iter().map(|row| row.source).collect::<Vec<_>>();
    let (train_sources, held_out_sources) = (source_of(&train), source_of(&held_out));
    let mut metrics = Metrics::begin(request.out, sources.names())?;
    let mut show = progress::training(runtime);
    let model = start(request, room, longest, runtime)?;
    let train = Prepared::new(train, request, &model, room)?;
    let held_out = Prepared::new(held_out, request, &model, room)?;
    let eval_every = request.eval.every.unwrap_or_else(|| recipe.n_steps(n_train).div_ceil(10).max(1));
    let data = TrainData {
        train: train.objective(),
        held_out: held_out.objective(),
        eval_every,
        sources: Sources { names: sources.names(), train: &train_sources, held_out: &held_out_sources },
    };
    let stop = AtomicBool::new(runtime.is_interrupted());
    let (batch_bytes, recompute) = match room {
        Room::Layers { batch_bytes } => (batch_bytes, recipe.recompute),
        Room::Whole { recompute } => (0, recompute),
    };
    let recipe = &TrainConfig { recompute, ..recipe.clone() };
    let session =
        Session { threads: request.threads, checkpoints: Some(&checkpoints), stop: Some(&stop), batch_bytes };
    let mut failed = None;
    let trained = fine_tune(model, &data, recipe, session, &mut |event| {
        metrics.write(&event);
        show(&event);
        stop.store(runtime.is_interrupted(), Ordering::Relaxed);
        if let Event::Epoch { epoch, model, optimizer } = event
            && request.trajectory
        {
            let dir = epoch_dir(request.out, epoch);
            let saved = save(request, model, &dir).and_then(|()| match request.adapter {
                Some(_) => Ok(optimizer.state().write(&dir.join(MOMENTS))?),
                None => Ok(()),
            });
            failed = failed.take().or(saved.err());
        }
    });
    let (model, report) = runtime.stopped(trained)?;
    if let Some(error) = failed {
        checkpoints.remove()?; // what was not saved has to be trained again
        return Err(error.within("saving the model of an epoch"));
    }

    save(request, &model, request.out)?;
    let mixed = report.mixed.as_ref().map(|mixed| sources.mixed(mixed, &train_sources));
    let outcome = Trained {
        mixed: mixed.unwrap_or_default(),
        ..Trained::new(n_train, held_out_rows, work.unscored()?, work.unread()?, &report)
    };
    // Late, since an outcome means that everything before it exists.
    TrainingRecord { outcome: Some(outcome.clone()), ..record }.write(request.out)?;
    metrics.finish()?;
    checkpoints.remove()?;
    Ok(outcome)
}

/// The model that training starts from, with the weights that are trained.
fn start(request: &TrainRequest<'_>, room: Room, longest: usize, runtime: &Runtime) -> Result<Decoder> {
    let Some(pieces) = request.pieces(longest) else { return request.base.load_for_training() };
    let base = request.base.load_frozen_in(room, pieces, runtime)?;
    Ok(pieces.lora.attach(&base, request.recipe.seed)?)
}

fn save(request: &TrainRequest<'_>, model: &Decoder, dir: &Path) -> Result<()> {
    let base = request.base;
    match request.adapter {
        None => {
            base.checkpoint.save_successor(model, Dtype::F32, dir)?;
        }
        Some(lora) => {
            save_adapter(model, lora, &base.home()?, dir)?;
        }
    }
    check(request, dir)
}

/// Opens a saved model, to see that it can be opened.
fn check(request: &TrainRequest<'_>, dir: &Path) -> Result<()> {
    match request.adapter {
        None => Checkpoint::open(dir).map(|_| ())?,
        Some(_) => AdapterCheckpoint::open(dir).map(|_| ())?,
    }
    Ok(())
}

/// Removes the models of an attempt with other settings: those of its epochs, and its own.
fn remove_leftovers(dir: &Path) -> Result<()> {
    let epochs = dir.join("epochs");
    if epochs.exists() {
        fs_err::remove_dir_all(epochs)?;
    }
    for entry in fs_err::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_weights = name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
        if is_weights || name == "config.json" || name == "adapter_config.json" {
            fs_err::remove_file(path)?;
        }
    }
    Ok(())
}

/// With fewer steps, a reference hardly differs from its base.
const FEW_STEPS: usize = 10;

fn announce(request: &TrainRequest<'_>, train: &[Row], n_held_out: usize, runtime: &Runtime) {
    let (recipe, n_train) = (request.recipe, train.len());
    let aside = match n_held_out {
        0 => String::new(),
        rows => format!(", {} held out", counted(rows as u64, "row")),
    };
    let what = match request.adapter {
        None => "all weights".to_owned(),
        Some(lora) => format!("LoRA of rank {}", lora.rank),
    };
    runtime.note(&format!(
        "{:16} {}{aside}: {what}{}, {} of batches of {}, learning rate {:e}, {}",
        "train",
        counted(n_train as u64, "row"),
        if request.context == Context::Prompt { "" } else { ", on responses without their prompts" },
        counted(recipe.epochs.into(), "epoch"),
        recipe.batch_size,
        recipe.learning_rate,
        recipe.schedule
    ));
    if let Some(mixing) = &recipe.mixing {
        let from = match mixing.policy {
            MixingPolicy::Ado => format!(" from a prior of {}", mixing.prior),
            MixingPolicy::Even | MixingPolicy::Rows => String::new(),
        };
        let passes = mixing.max_passes;
        runtime
            .note(&format!("{:16} {}{from}, at most {passes} passes over a source", "mixing", mixing.policy));
        if train.iter().all(|row| row.source == train[0].source) {
            runtime.warn(
                "all rows are of one source, so `--mixing` decides their order and nothing else; `--data NAME=FILE` names \
                 sources",
            );
        }
    }
    let n_steps = recipe.n_steps(n_train);
    if n_steps < FEW_STEPS {
        runtime.warn(&format!(
            "the reference takes {} only, so it will differ little from the base; a smaller `--batch-size` gives more steps",
            counted(n_steps as u64, "step")
        ));
    }
}
