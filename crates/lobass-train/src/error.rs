//! Errors of training.

use std::path::PathBuf;

use thiserror::Error;

/// Why a model cannot be trained.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe that cannot be followed.
    #[error("recipe: expected `{field}` to be {expected}, found {found}")]
    Recipe {
        /// The field of the recipe.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The found value.
        found: String,
    },
    /// A mask on something that is not trained.
    #[error("mask of `{name}`: expected places in a trained parameter, which has {n_values} values")]
    Mask {
        /// The name of the parameter.
        name: String,
        /// Its values; 0 if there is no such parameter.
        n_values: usize,
    },
    /// Products in a format that the device of the model does not train in.
    #[error(
        "recipe: expected products in f32, which every device trains in, found {products}; bf16 needs the processor"
    )]
    Products {
        /// The format of the recipe.
        products: lobass_core::Dtype,
    },
    /// Every step would have a learning rate of zero.
    #[error(
        "nothing would be learned: expected steps after the warm-up, found {n_steps} in all, of which all warm up from \
         a learning rate of zero (use a smaller batch size, more epochs, or no warm-up)"
    )]
    OnlyWarmUp {
        /// All steps.
        n_steps: usize,
    },
    /// There is nothing to train on.
    #[error("expected examples to train on, found none")]
    NoExamples,
    /// Batches that name examples that are not there, or none.
    #[error("batches: expected places below {n_examples}, and at least one in each batch, found others")]
    Batches {
        /// How many examples there are.
        n_examples: usize,
    },
    /// Examples without a source, or with one that has no name.
    #[error(
        "sources: expected one of {n_names} for each of {n_train} training and {n_held_out} held-out examples, found others"
    )]
    Sources {
        /// The number of sources.
        n_names: usize,
        /// The number of training examples.
        n_train: usize,
        /// The number of held-out examples.
        n_held_out: usize,
    },
    /// A mixture that cannot be drawn.
    #[error(transparent)]
    Mixture(#[from] lobass_mixture::Error),
    /// An example that would add nothing to any loss.
    #[error("example {example}: expected at least one scored token, found none")]
    NothingScored {
        /// Which example, 0-based.
        example: usize,
    },
    /// A pair whose loss under the model that training starts from says nothing.
    #[error("pair {example}: expected a finite loss that is not zero under the starting model, found {loss}")]
    ReferenceLoss {
        /// Which pair, 0-based.
        example: usize,
        /// The loss of one of its responses.
        loss: f64,
    },
    /// The state of an interrupted training cannot be resumed.
    #[error("state `{}`: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("training was interrupted after step {step} of {n_steps}")]
    Interrupted {
        /// Steps that were taken.
        step: usize,
        /// All steps.
        n_steps: usize,
    },
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The loss ran away.
    #[error(
        "step {step} of {n_steps}: the loss is {loss} and the gradient norm {grad_norm}; expected finite numbers \
         (a smaller learning rate, now {learning_rate:e}, or a longer warm-up may help)"
    )]
    Diverged {
        /// 1-based step.
        step: usize,
        /// All steps.
        n_steps: usize,
        /// Its loss.
        loss: f64,
        /// The norm of its gradients.
        grad_norm: f64,
        /// Its learning rate.
        learning_rate: f64,
    },
    /// A model that gives no finite loss after the last step.
    #[error(
        "the loss after the last of {n_steps} steps is {loss}; expected a finite number (a smaller learning rate, now \
         {learning_rate:e}, or a longer warm-up may help)"
    )]
    Ruined {
        /// All steps.
        n_steps: usize,
        /// The loss of an example.
        loss: f64,
        /// The largest learning rate.
        learning_rate: f64,
    },
    /// The device failed while it computed the last steps.
    #[error("the device failed in the last steps: {reason}; run it again, or choose another device")]
    Device {
        /// What the device says.
        reason: String,
    },
    /// A sequence that the model cannot run.
    #[error(transparent)]
    Loss(#[from] lobass_loss::Error),
}
