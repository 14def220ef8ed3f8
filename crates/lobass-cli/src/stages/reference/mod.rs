//! Training the reference.

mod metrics;
mod record;

use std::collections::HashSet;
use std::path::Path;

use anyhow::bail;
use lobass_core::Sequence;
use lobass_data::Encoder;
use lobass_llama::{Checkpoint, Dtype};
use lobass_run::{Plan, WorkDir};
use lobass_train::{TrainConfig, TrainData, fine_tune, hold_out};

use crate::inputs::{self, Sequences};
use crate::models::Model;
use crate::outputs;
use crate::progress;
use crate::settings::{DataSettings, EvalSettings};
use crate::text::counted;
use crate::ui::{Ui, warn};

use metrics::Metrics;
pub(crate) use record::{Trained, TrainingRecord};

/// Everything that decides a reference.
pub(crate) struct TrainRequest<'a> {
    pub(crate) base: &'a Model,
    pub(crate) sequences: &'a Sequences,
    pub(crate) plan: &'a Plan,
    pub(crate) data: &'a DataSettings,
    pub(crate) recipe: &'a TrainConfig,
    pub(crate) eval: &'a EvalSettings,
    pub(crate) threads: usize,
    pub(crate) out: &'a Path,
}

impl TrainRequest<'_> {
    fn record(&self) -> anyhow::Result<TrainingRecord> {
        let eval_files = self.eval.files.iter().map(|path| lobass_data::fingerprint(path));
        Ok(TrainingRecord {
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            base: self.base.key.weights_digest.clone(),
            plan: self.plan.id(),
            recipe: self.recipe.clone(),
            eval_rows: self.eval.rows,
            eval_files: eval_files.collect::<Result<_, _>>()?,
            template_now: self.plan.template.now.clone(),
            outcome: None,
        })
    }
}

/// What a directory holds: nothing or an unfinished one (`None`), this very reference, or something else, which is an
/// error. Nothing is written.
pub(crate) fn trained_before(request: &TrainRequest<'_>) -> anyhow::Result<Option<Trained>> {
    request.recipe.check()?;
    let dir = request.out.display();
    let Some(found) = TrainingRecord::read(request.out)? else {
        if request.out.join("config.json").exists() {
            bail!("`{dir}` holds a checkpoint that lobass did not train; use another directory");
        }
        outputs::check_empty(request.out)?;
        return Ok(None);
    };
    if found.outcome.is_none() {
        return Ok(None);
    }
    let differences = request.record()?.differences(&found);
    if differences.is_empty() {
        return Ok(found.outcome);
    }
    bail!("`{dir}` was trained with other {}; use another directory", differences.join(", "));
}

/// Trains the reference on the rows of a work directory and writes its checkpoint.
pub(crate) fn train_reference(request: &TrainRequest<'_>, work: &WorkDir, ui: Ui) -> anyhow::Result<Trained> {
    let recipe = request.recipe;
    let rows = work.sequences()?;
    if request.eval.rows > 0 && request.eval.rows >= rows.len() {
        let (asked, found) = (request.eval.rows, counted(rows.len() as u64, "row"));
        bail!("cannot hold {asked} rows out: the pool has {found} that can be scored");
    }
    let (train, held_out) = hold_out(rows, request.eval.rows, recipe.seed);
    let held_out_rows = held_out.iter().map(|(row, _)| *row).collect();
    let train: Vec<Sequence> = train.into_iter().map(|(_, sequence)| sequence).collect();
    let mut held_out: Vec<Sequence> = held_out.into_iter().map(|(_, sequence)| sequence).collect();
    held_out.extend(encode_files(request, ui)?);
    if TrainingRecord::read(request.out)?.is_some() {
        ui.note(format!("{:16} an earlier attempt did not finish; training begins anew", "train"));
    }
    announce(request, train.len(), held_out.len(), ui);
    warn_of_leaks(&train, &held_out);

    fs_err::create_dir_all(request.out)?;
    // First, so that what an interrupted attempt leaves is known as ours.
    request.record()?.write(request.out)?;
    let mut metrics = Metrics::begin(request.out)?;
    let mut show = progress::training(ui);
    let data = TrainData { train: &train, held_out: &held_out, eval_every: eval_every(request, train.len()) };
    let model = request.base.load_for_training()?;
    let (model, report) = fine_tune(model, &data, recipe, request.threads, &mut |event| {
        metrics.write(&event);
        show(&event);
    })?;

    request.base.checkpoint.save_successor(&model, Dtype::F32, request.out)?;
    Checkpoint::open(request.out)?;
    let outcome = Trained::new(train.len(), held_out_rows, work.unscored()?, &report);
    // Last, since an outcome says that everything before it is there.
    TrainingRecord { outcome: Some(outcome.clone()), ..request.record()? }.write(request.out)?;
    metrics.finish()?;
    Ok(outcome)
}

/// Steps below which a reference has hardly moved.
const FEW_STEPS: usize = 10;

fn announce(request: &TrainRequest<'_>, n_train: usize, n_held_out: usize, ui: Ui) {
    let recipe = request.recipe;
    let aside = match n_held_out {
        0 => String::new(),
        rows => format!(", {} held out", counted(rows as u64, "row")),
    };
    ui.note(format!(
        "{:16} {}{aside}: {} of batches of {}, learning rate {:e}, {}",
        "train",
        counted(n_train as u64, "row"),
        counted(recipe.epochs.into(), "epoch"),
        recipe.batch_size,
        recipe.learning_rate,
        recipe.schedule
    ));
    let n_steps = recipe.n_steps(n_train);
    if n_steps < FEW_STEPS {
        warn(format!(
            "the reference takes {} only, so it will differ little from the base; a smaller `--batch-size` gives more",
            counted(n_steps as u64, "step")
        ));
    }
}

/// A held-out row that is also trained on tells of memory, not of learning.
fn warn_of_leaks(train: &[Sequence], held_out: &[Sequence]) {
    let seen: HashSet<&[u32]> = train.iter().map(Sequence::input_ids).collect();
    let n_leaks = held_out.iter().filter(|sequence| seen.contains(sequence.input_ids())).count();
    if n_leaks > 0 {
        warn(format!(
            "{n_leaks} of the {} held-out rows are also among those trained on, so the held-out loss flatters; \
             `--duplicates drop` leaves repeated rows out",
            held_out.len()
        ));
    }
}

/// Held-out losses come ten times a run, unless told otherwise.
fn eval_every(request: &TrainRequest<'_>, n_examples: usize) -> usize {
    let n_steps = request.recipe.n_steps(n_examples);
    request.eval.every.unwrap_or_else(|| n_steps.div_ceil(10).max(1))
}

/// Further held-out rows, from files of their own.
fn encode_files(request: &TrainRequest<'_>, ui: Ui) -> anyhow::Result<Vec<Sequence>> {
    let files: Vec<String> = request.eval.files.iter().map(|path| path.display().to_string()).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let pool = inputs::open_pool(&DataSettings { files, ..request.data.clone() }, ui)?;
    let encoder: &Encoder = &request.sequences.encoder;
    let mut sequences = Vec::new();
    let mut n_rows = 0;
    for row in pool.rows() {
        n_rows += 1;
        if let Ok(example) = row?.example {
            sequences.extend(encoder.encode(&example).sequence);
        }
    }
    if sequences.is_empty() {
        bail!("the held-out files have no row that can be scored");
    }
    if sequences.len() < n_rows {
        let unusable = counted((n_rows - sequences.len()) as u64, "row");
        warn(format!(
            "{unusable} of the held-out files cannot be scored and are left out of the held-out loss"
        ));
    }
    Ok(sequences)
}
