//! The training loop.

use burn::module::Module as _;
use lobass_core::{Detail, LossEngine as _, Nll, Sequence};
use lobass_llama::Llama;
use lobass_loss::{Engine, Workers};

use crate::batches::batches;
use crate::{Error, TrainConfig, gradients, optimizer};

/// What a model is trained and measured on.
#[derive(Debug, Clone, Copy)]
pub struct TrainData<'a> {
    /// What it learns.
    pub train: &'a [Sequence],
    /// What it is measured on and never sees; may be empty.
    pub held_out: &'a [Sequence],
    /// It is measured before the first step, every so many steps, and at the end; 0 is at both ends only.
    pub eval_every: usize,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// One optimizer step.
    Step(StepReport),
    /// The held-out loss was measured.
    HeldOut(HeldOut),
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
    /// Mean loss over the scored tokens of the batch, in nats, before the step.
    pub loss: f64,
    /// Of this step.
    pub learning_rate: f64,
    /// Global norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Tokens in the batch, without padding.
    pub n_tokens: usize,
}

/// A held-out loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut {
    /// Steps taken before; 0 is the base model.
    pub step: usize,
    /// Summed over all held-out sequences.
    pub nll: Nll,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// Optimizer steps.
    pub n_steps: usize,
    /// Tokens seen, over all epochs, without padding.
    pub n_tokens: u64,
    /// The loss of each step.
    pub losses: Vec<f64>,
    /// Held-out losses, the base model's first.
    pub held_out: Vec<HeldOut>,
}

/// Trains a model on sequences, and tells every step.
///
/// `threads` changes the speed and nothing else.
///
/// # Errors
/// [`Error::Recipe`] or [`Error::OnlyWarmUp`] for a recipe that teaches nothing, [`Error::NoExamples`] or [`Error::NothingScored`] for data that cannot be learned, [`Error::Loss`] for sequences
/// that the model cannot run, [`Error::Diverged`] as soon as a loss or gradient is not finite.
pub fn fine_tune(
    mut model: Llama,
    data: &TrainData<'_>,
    config: &TrainConfig,
    threads: usize,
    observe: &mut dyn FnMut(Event),
) -> Result<(Llama, TrainReport), Error> {
    config.check()?;
    check(data.train)?;
    lobass_loss::check_ids(&model, data.train)?;
    let plan = batches(data.train.len(), config.batch_size, config.epochs, config.seed);
    let n_steps = plan.len();
    if (0..n_steps).all(|step| config.learning_rate_at(step, n_steps) == 0.0) {
        return Err(Error::OnlyWarmUp { n_steps });
    }
    let steps_per_epoch = data.train.len().div_ceil(config.batch_size);
    let workers = Workers::new(threads);
    let mut optimizer = optimizer::adamw(&model, config);
    let mut report = TrainReport { n_steps, n_tokens: 0, losses: Vec::new(), held_out: Vec::new() };

    let measure = |model: &Llama, step: usize, report: &mut TrainReport, observe: &mut dyn FnMut(Event)| {
        if let Some(held_out) = held_out_loss(model, data.held_out, step, threads)? {
            report.held_out.push(held_out);
            observe(Event::HeldOut(held_out));
        }
        Ok::<(), Error>(())
    };
    measure(&model, 0, &mut report, observe)?;
    for (at, batch) in plan.iter().enumerate() {
        let step = at + 1;
        let learning_rate = config.learning_rate_at(at, n_steps);
        let mut found = gradients::of_batch(&model, data.train, batch, config.micro_batch_tokens, &workers);
        let grad_norm = gradients::global_norm(&model, &found.gradients);
        if !found.loss.is_finite() || !grad_norm.is_finite() {
            return Err(Error::Diverged { step, n_steps, loss: found.loss, grad_norm, learning_rate });
        }
        if config.max_grad_norm > 0.0 {
            gradients::clip(&model, &mut found.gradients, grad_norm, config.max_grad_norm);
        }
        // The optimizer wants parameters that require gradients; everything else is done without autodiff.
        model = optimizer.step(learning_rate, gradients::with_leaves(model), found.gradients).valid();
        report.n_tokens += found.n_tokens as u64;
        report.losses.push(found.loss);
        observe(Event::Step(StepReport {
            step,
            n_steps,
            epoch: u32::try_from(at / steps_per_epoch + 1).unwrap_or(u32::MAX),
            loss: found.loss,
            learning_rate,
            grad_norm,
            n_tokens: found.n_tokens,
        }));
        if step == n_steps || data.eval_every > 0 && step % data.eval_every == 0 {
            measure(&model, step, &mut report, observe)?;
        }
    }
    Ok((model, report))
}

fn check(train: &[Sequence]) -> Result<(), Error> {
    if train.is_empty() {
        return Err(Error::NoExamples);
    }
    match train.iter().position(|sequence| sequence.n_scored() == 0) {
        Some(example) => Err(Error::NothingScored { example }),
        None => Ok(()),
    }
}

fn held_out_loss(
    model: &Llama,
    held_out: &[Sequence],
    step: usize,
    threads: usize,
) -> Result<Option<HeldOut>, Error> {
    if held_out.is_empty() {
        return Ok(None);
    }
    let losses = Engine::new(model.clone(), threads).losses(held_out, Detail::Sum)?;
    let mut nll = Nll::default();
    for loss in losses {
        nll += loss.nll;
    }
    Ok(Some(HeldOut { step, nll }))
}
