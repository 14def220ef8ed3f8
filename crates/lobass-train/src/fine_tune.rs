//! The training loop.

use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::Nll;
use lobass_model::Decoder;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::TrainingBytes;
use crate::saves::Saves;
use crate::trainer::Trainer;
use crate::{
    Checkpoints, Error, Margins, Objective, Optimizer, SourceLoss, Sources, TrainConfig, WeightMask,
};

/// The data that a model is trained and measured on.
#[derive(Debug, Clone, Copy)]
pub struct TrainData<'a> {
    /// The training objective and its data.
    pub train: Objective<'a>,
    /// Data that is measured and never trained on; may be empty.
    pub held_out: Objective<'a>,
    /// Steps between measurements; it is also measured before the first step and at the end. 0 measures at both ends only.
    pub eval_every: usize,
    /// Which source each example is from; empty by default.
    pub sources: Sources<'a>,
}

impl<'a> TrainData<'a> {
    /// Supervised fine-tuning on sequences, without held-out ones.
    pub fn sft(train: &'a [lobass_core::Sequence]) -> Self {
        Self {
            train: Objective::Sft(train),
            held_out: Objective::Sft(&[]),
            eval_every: 0,
            sources: Sources::default(),
        }
    }
}

/// How a training is run; nothing here changes its result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session<'a> {
    /// Worker threads; 0 counts as 1.
    pub threads: usize,
    /// The place of states; without it, an interrupted training starts again.
    pub checkpoints: Option<&'a Checkpoints>,
    /// Ends the training after a step once this is true: its state is written, and the error is
    /// [`Error::Interrupted`].
    pub stop: Option<&'a AtomicBool>,
    /// The memory for the inputs of layers, in bytes, if layers of the model are read when they are needed: with more,
    /// they are read less often. One micro-batch for each thread is there in any case. [`TrainingBytes`] says what an
    /// example takes.
    pub batch_bytes: u64,
}

/// An event of training.
#[derive(Debug)]
pub enum Event<'a> {
    /// An earlier attempt was resumed after some steps.
    Resumed {
        /// Steps it had taken.
        step: usize,
    },
    /// One optimizer step.
    Step(StepReport),
    /// The held-out loss was measured.
    HeldOut(HeldOut),
    /// An epoch ended. Reported again if a training is resumed after its state was written.
    Epoch {
        /// 1-based.
        epoch: u32,
        /// As it is now.
        model: &'a Decoder,
        /// The optimizer.
        optimizer: Optimizer<'a>,
    },
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// 1-based.
    pub step: usize,
    /// All steps of the run.
    pub n_steps: usize,
    /// 1-based.
    pub epoch: u32,
    /// The objective on the batch before the step: for SFT the mean over its scored tokens, in nats.
    pub loss: f64,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// Global norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Tokens in the batch.
    pub n_tokens: usize,
    /// For pairs: their margins.
    pub margins: Option<Margins>,
    /// The loss of each source that is in the batch; empty without [`TrainData::sources`].
    pub by_source: Vec<SourceLoss>,
    /// The shares of all sources that a mixture drew the batch by; empty without one.
    pub shares: Vec<f64>,
}

/// A held-out loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Steps taken before; 0 is the base model.
    pub step: usize,
    /// Summed over all held-out examples, with the number of terms: scored tokens, or pairs.
    pub nll: Nll,
    /// The same for each source; empty without [`TrainData::sources`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_source: Vec<Nll>,
}

/// The result of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Optimizer steps.
    pub n_steps: usize,
    /// Tokens seen, over all epochs.
    pub n_tokens: u64,
    /// The loss of each step.
    pub losses: Vec<f64>,
    /// Held-out losses, the base model's first.
    pub held_out: Vec<HeldOut>,
    /// Of a mixture: what it drew. It is there once the training is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<MixedReport>,
}

/// What a mixture drew, for each source in the order of their names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixedReport {
    /// Rows that were drawn, repeated ones included.
    pub n_drawn: Vec<u64>,
    /// The shares after the last step.
    pub shares: Vec<f64>,
}

/// Trains a model, and tells every step. Frozen weights stay as they are: a model with an adapter has only that
/// trained.
///
/// With [`Session::checkpoints`], an interrupted training resumes after its last state, and ends with the same
/// bits as one that was not interrupted.
///
/// # Errors
/// [`Error::Recipe`] or [`Error::OnlyWarmUp`] for a recipe that teaches nothing; [`Error::NoExamples`],
/// [`Error::NothingScored`], or [`Error::ReferenceLoss`] for data that cannot be learned; [`Error::Loss`] for
/// sequences that the model cannot run; [`Error::Sources`] or [`Error::Mixture`] for sources that do not fit;
/// [`Error::Diverged`] as soon as a loss or gradient is not finite; [`Error::Ruined`] if the last step leaves no finite
/// loss; [`Error::Device`] if the device failed;
/// [`Error::State`] for a state that is damaged or of another training; [`Error::Interrupted`] if [`Session::stop`]
/// becomes true.
pub fn fine_tune(
    model: Decoder,
    data: &TrainData<'_>,
    config: &TrainConfig,
    session: Session<'_>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(Decoder, TrainReport), Error> {
    run(Trainer::new(model, data, config, session)?, data, session, observe)
}

/// [`fine_tune`] in given batches of examples, by their places, instead of epochs. The recipe's epochs and batch size
/// have no effect, and there is no [`Event::Epoch`].
///
/// # Errors
/// Those of [`fine_tune`], [`Error::Batches`] for a place that no example has, or an empty batch, and
/// [`Error::Recipe`] for a recipe with a mixture.
pub fn fine_tune_in_batches(
    model: Decoder,
    data: &TrainData<'_>,
    batches: Vec<Vec<usize>>,
    config: &TrainConfig,
    session: Session<'_>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(Decoder, TrainReport), Error> {
    run(Trainer::in_batches(model, data, batches, config, session)?, data, session, observe)
}

/// [`fine_tune`] of a part of the weights. What is outside the mask stays as it is, to the bit, also if weights decay.
///
/// # Errors
/// Those of [`fine_tune`], and [`Error::Mask`] for a mask on something that is not trained.
pub fn fine_tune_masked(
    model: Decoder,
    data: &TrainData<'_>,
    config: &TrainConfig,
    mask: &WeightMask,
    session: Session<'_>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(Decoder, TrainReport), Error> {
    run(Trainer::new(model, data, config, session)?.masked(mask)?, data, session, observe)
}

fn run(
    mut trainer: Trainer<'_>,
    data: &TrainData<'_>,
    session: Session<'_>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(Decoder, TrainReport), Error> {
    if let Some(checkpoints) = session.checkpoints
        && let Some(step) = trainer.resume(checkpoints)?
    {
        observe(Event::Resumed { step });
        tell_epoch(&trainer, observe);
    }
    if trainer.report().held_out.is_empty() {
        measure(&mut trainer, data, observe)?;
    }
    let n_steps = trainer.n_steps();
    let mut saves = session.checkpoints.map(Saves::new);
    while trainer.n_taken() < n_steps {
        let report = trainer.step()?;
        let step = report.step;
        observe(Event::Step(report));
        if step == n_steps || data.eval_every > 0 && step % data.eval_every == 0 {
            measure(&mut trainer, data, observe)?;
        }
        tell_epoch(&trainer, observe);
        if let Some(saves) = &mut saves {
            saves.after_step(&trainer)?;
        }
        if step < n_steps && session.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            if let Some(saves) = &mut saves {
                saves.write(&trainer)?;
            }
            trainer.settle()?;
            return Err(Error::Interrupted { step, n_steps });
        }
    }
    trainer.settle()?;
    trainer.check_last()?;
    Ok(trainer.into_parts())
}

fn measure(
    trainer: &mut Trainer<'_>,
    data: &TrainData<'_>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    if let Some(measured) = trainer.measure(data.held_out)? {
        observe(Event::HeldOut(measured));
    }
    Ok(())
}

fn tell_epoch(trainer: &Trainer<'_>, observe: &mut dyn FnMut(Event<'_>)) {
    if let Some(epoch) = trainer.epoch_ended() {
        observe(Event::Epoch { epoch, model: trainer.model(), optimizer: trainer.optimizer() });
    }
}
