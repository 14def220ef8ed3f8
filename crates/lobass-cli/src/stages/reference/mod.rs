//! Training the reference.

mod metrics;
mod record;

use std::path::Path;

use anyhow::bail;
use lobass_core::Sequence;
use lobass_data::Encoder;
use lobass_llama::{Checkpoint, Dtype};
use lobass_run::WorkDir;
use lobass_train::{TrainConfig, TrainData, fine_tune, hold_out};

use crate::inputs::{self, Sequences};
use crate::models::Model;
use crate::progress;
use crate::settings::{DataSettings, EvalSettings};
use crate::text::counted;
use crate::ui::Ui;

use metrics::Metrics;
pub(crate) use record::Outcome;
use record::TrainingRecord;

/// Everything that decides a reference.
pub(crate) struct TrainRequest<'a> {
    pub(crate) base: &'a Model,
    pub(crate) sequences: &'a Sequences,
    pub(crate) work: &'a WorkDir,
    pub(crate) recipe: &'a TrainConfig,
    pub(crate) eval: &'a EvalSettings,
    pub(crate) threads: usize,
    pub(crate) out: &'a Path,
}

impl TrainRequest<'_> {
    fn record(&self) -> TrainingRecord {
        TrainingRecord {
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            base: self.base.key.weights_digest.clone(),
            plan: self.work.plan().id(),
            recipe: self.recipe.clone(),
            eval_rows: self.eval.rows,
            outcome: None,
        }
    }
}

/// What a directory holds: nothing or an unfinished one (`None`), this very reference, or something else, which is an
/// error.
pub(crate) fn trained_before(request: &TrainRequest<'_>) -> anyhow::Result<Option<Outcome>> {
    let Some(found) = TrainingRecord::read(request.out)? else {
        if request.out.join("config.json").exists() {
            bail!(
                "`{}` holds a checkpoint that lobass did not train; use another directory",
                request.out.display()
            );
        }
        return Ok(None);
    };
    let differences = request.record().differences(&found);
    if differences.is_empty() {
        return Ok(found.outcome);
    }
    bail!(
        "`{}` was trained with other {}; use another directory",
        request.out.display(),
        differences.join(", ")
    );
}

/// Trains the reference on the rows of a work directory and writes its checkpoint.
pub(crate) fn train_reference(request: &TrainRequest<'_>, ui: Ui) -> anyhow::Result<Outcome> {
    let sequences = request.work.sequences()?;
    let recipe = request.recipe;
    let (train, mut held_out) = hold_out(sequences, request.eval.rows, recipe.seed);
    held_out.extend(encode_files(request, ui)?);
    let held_out_note = match held_out.len() {
        0 => String::new(),
        rows => format!(", {} held out", counted(rows as u64, "row")),
    };
    ui.note(format!(
        "{:16} {}{held_out_note}: {} of batches of {}, learning rate {:e}, {}",
        "train",
        counted(train.len() as u64, "row"),
        counted(recipe.epochs.into(), "epoch"),
        recipe.batch_size,
        recipe.learning_rate,
        recipe.schedule
    ));

    fs_err::create_dir_all(request.out)?;
    request.record().write(request.out)?;
    let mut metrics = Metrics::create(&request.out.join("metrics.jsonl"))?;
    let mut show = progress::training(ui);
    let data = TrainData { train: &train, held_out: &held_out, eval_every: eval_every(request, train.len()) };
    let model = request.base.load_for_training()?;
    let (model, report) = fine_tune(model, &data, recipe, request.threads, &mut |event| {
        metrics.write(&event);
        show(&event);
    })?;

    let mean = |at: Option<&lobass_train::HeldOut>| at.and_then(|held_out| held_out.nll.mean());
    let outcome = Outcome {
        n_examples: train.len(),
        n_steps: report.n_steps,
        n_tokens: report.n_tokens,
        first_loss: report.losses.first().copied().unwrap_or_default(),
        last_loss: report.losses.last().copied().unwrap_or_default(),
        held_out_before: mean(report.held_out.first()),
        held_out_after: mean(report.held_out.last()),
    };
    request.base.checkpoint.save_successor(&model, Dtype::F32, request.out)?;
    Checkpoint::open(request.out)?;
    // Last, since an outcome says that everything before it is there.
    TrainingRecord { outcome: Some(outcome.clone()), ..request.record() }.write(request.out)?;
    metrics.finish()?;
    Ok(outcome)
}

/// Held-out losses come ten times a run, unless told otherwise.
fn eval_every(request: &TrainRequest<'_>, n_examples: usize) -> usize {
    let n_steps = n_examples.div_ceil(request.recipe.batch_size.max(1)) * request.recipe.epochs as usize;
    request.eval.every.unwrap_or_else(|| n_steps.div_ceil(10).max(1))
}

/// Further held-out rows, from files of their own.
fn encode_files(request: &TrainRequest<'_>, ui: Ui) -> anyhow::Result<Vec<Sequence>> {
    let files: Vec<String> = request.eval.files.iter().map(|path| path.display().to_string()).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let pool = inputs::open_pool(&DataSettings { files, ..DataSettings::default() }, ui)?;
    let encoder: &Encoder = &request.sequences.encoder;
    let mut sequences = Vec::new();
    for row in pool.rows() {
        if let Ok(example) = row?.example {
            sequences.extend(encoder.encode(&example).sequence);
        }
    }
    if sequences.is_empty() {
        bail!("the held-out files have no row that can be scored");
    }
    Ok(sequences)
}
