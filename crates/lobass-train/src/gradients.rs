//! Loss and gradients of a whole batch, whatever the micro-batches and threads.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use lobass_core::Sequence;
use lobass_llama::Llama;
use lobass_loss::Workers;

use crate::batches::micro_batches;
use crate::micro_batch::summed_loss;

/// Computes the mean loss over all scored tokens of some sequences, in nats, and its gradient with respect to every
/// parameter, by the identities of [`Llama::parameter_names`].
///
/// Micro-batches hold at most `micro_batch_tokens` tokens, padding included, or one sequence; the number of threads
/// does not change a bit of the result. Token ids must be below the model's `vocab_size`.
pub fn mean_loss_gradients(
    model: &Llama,
    sequences: &[Sequence],
    micro_batch_tokens: usize,
    threads: usize,
) -> (f64, GradientsParams) {
    let batch: Vec<usize> = (0..sequences.len()).collect();
    let found = of_batch(model, sequences, &batch, micro_batch_tokens, &Workers::new(threads));
    (found.loss, found.gradients)
}

/// What one batch says.
pub(crate) struct BatchGradients {
    /// Mean loss over its scored tokens, in nats.
    pub(crate) loss: f64,
    /// Of that mean, by parameter.
    pub(crate) gradients: GradientsParams,
    /// Tokens, without padding.
    pub(crate) n_tokens: usize,
}

/// Computes the mean loss over all scored tokens of a batch, and its gradients.
///
/// Micro-batches run in rounds of one per worker, and their gradients are added in order, so the sum is the same on
/// any number of threads.
pub(crate) fn of_batch(
    model: &Llama,
    sequences: &[Sequence],
    batch: &[usize],
    micro_batch_tokens: usize,
    workers: &Workers,
) -> BatchGradients {
    let n_scored: usize = batch.iter().map(|&at| sequences[at].n_scored()).sum();
    let micro = micro_batches(batch, |at| sequences[at].n_tokens(), micro_batch_tokens);
    let mut accumulator = GradientsAccumulator::<Llama>::new();
    let mut loss = 0.0;
    for round in micro.chunks(workers.count()) {
        let order: Vec<usize> = (0..round.len()).collect();
        let parts = workers.run(&order, |at| {
            let rows: Vec<&Sequence> = round[at].iter().map(|&example| &sequences[example]).collect();
            of_micro_batch(model, &rows, n_scored)
        });
        for (part, gradients) in parts {
            loss += part;
            accumulator.accumulate(model, gradients);
        }
    }
    let n_tokens = batch.iter().map(|&at| sequences[at].n_tokens()).sum();
    BatchGradients { loss, gradients: accumulator.grads(), n_tokens }
}

/// This micro-batch's part of the batch's mean loss, and of its gradients.
fn of_micro_batch(model: &Llama, rows: &[&Sequence], n_scored: usize) -> (f64, GradientsParams) {
    // A graph of its own: leaves shared between threads would put all threads into one graph, and one lock.
    let leaf = with_leaves(model.clone());
    let loss = summed_loss(&leaf, rows) / n_scored as f64;
    let gradients = loss.backward();
    let gradients = GradientsParams::from_grads(gradients, &leaf);
    (f64::from(loss.into_scalar::<f32>()), gradients)
}

/// Gives a model new leaves that require gradients; values and identities stay.
pub(crate) fn with_leaves(model: Llama) -> Llama {
    model.map(&mut Leaves)
}

struct Leaves;

impl ModuleMapper for Leaves {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::initialized(param.id, param.val().inner().autodiff().require_grad())
    }
}

/// The Euclidean norm of all gradients together.
///
/// Source: `torch.nn.utils.clip_grad_norm_`.
pub(crate) fn global_norm(model: &Llama, gradients: &GradientsParams) -> f64 {
    struct Squares<'a> {
        gradients: &'a GradientsParams,
        sum: f64,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                self.sum += f64::from(gradient.square().sum().into_scalar::<f32>());
            }
        }
    }
    let mut squares = Squares { gradients, sum: 0.0 };
    model.visit(&mut squares);
    squares.sum.sqrt()
}

/// Scales all gradients down so that their global norm is at most `max_norm`.
pub(crate) fn clip(model: &Llama, gradients: &mut GradientsParams, norm: f64, max_norm: f64) {
    struct Scale<'a> {
        gradients: &'a mut GradientsParams,
        factor: f64,
    }
    impl ModuleVisitor for Scale<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.remove::<D>(param.id) {
                self.gradients.register(param.id, gradient * self.factor);
            }
        }
    }
    let factor = max_norm / (norm + 1e-6); // PyTorch's guard against a norm of zero
    if factor < 1.0 {
        model.visit(&mut Scale { gradients, factor });
    }
}
