//! Loss and gradients of a whole batch, whatever the micro-batches and threads.

use lobass_core::{Nll, Sequence};
use lobass_loss::Workers;
use lobass_model::{Decoder, Gradients, TraceOptions};

use crate::batches::micro_batches;
use crate::micro_batch::{Cut, MicroBatch, Terms};
use crate::{Objective, layered};

/// Computes the loss of all examples as one batch, and its gradient with respect to every trained parameter.
///
/// Micro-batches hold at most `micro_batch_tokens` tokens, or one example; the number of threads does not change a bit
/// of the result. Token ids must be below the model's `vocab_size`.
pub fn loss_gradients(
    model: &Decoder,
    objective: Objective<'_>,
    micro_batch_tokens: usize,
    threads: usize,
) -> (f64, Gradients) {
    let batch: Vec<usize> = (0..objective.len()).collect();
    let cut = Cut { micro_batch_tokens, options: TraceOptions::default(), tokens_at_once: 0 };
    let found = of_batch(model, objective, &batch, cut, &Workers::new(threads));
    (found.loss, found.gradients)
}

/// Computes the loss of one sequence, the mean over its scored tokens, and its gradient with respect to every trained
/// parameter, on the calling thread. Nothing is dropped out.
///
/// Token ids must be below the model's `vocab_size`, and something must be scored.
///
/// # Panics
/// If layers of the model are read when they are needed; [`loss_gradients`] is for these.
pub fn sequence_gradients(model: &Decoder, sequence: &Sequence) -> (f64, Gradients) {
    let objective = Objective::Sft(std::slice::from_ref(sequence));
    let part =
        of_micro_batch(model, objective, &[0], objective.n_terms(&[0]) as f64, TraceOptions::default());
    (part.terms.loss, part.gradients)
}

/// The result of one batch.
pub(crate) struct BatchGradients {
    /// The value of the objective.
    pub(crate) loss: f64,
    /// The gradients of that loss, by parameter.
    pub(crate) gradients: Gradients,
    pub(crate) n_tokens: usize,
    /// The part of each example in the summed loss, by its place.
    pub(crate) examples: Vec<(usize, Nll)>,
    /// For pairs: the mean margin, and the share of margins above zero.
    pub(crate) margins: Option<Margins>,
}

/// The margins of some pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// Their mean.
    pub mean: f64,
    /// The share of them above zero: how often the chosen response has the larger implicit reward.
    pub accuracy: f64,
}

/// A micro-batch's part of the batch.
struct Part {
    terms: Terms,
    gradients: Gradients,
}

/// Computes the loss of a batch, and its gradients.
///
/// Micro-batches run in rounds of one per worker, and their gradients are added in order, so the sum is the same on
/// any number of threads.
pub(crate) fn of_batch(
    model: &Decoder,
    objective: Objective<'_>,
    batch: &[usize],
    cut: Cut,
    workers: &Workers,
) -> BatchGradients {
    let n_terms = objective.n_terms(batch) as f64;
    let micro = micro_batches(batch, |at| objective.n_tokens(at), cut.micro_batch_tokens);
    let (terms, gradients) = match model.is_streamed() {
        true => layered::of_micro_batches(model, objective, &micro, n_terms, cut, workers),
        false => of_micro_batches(model, objective, &micro, n_terms, cut, workers),
    };
    let n_tokens = batch.iter().map(|&at| objective.n_tokens(at)).sum();
    let margins = Margins::of(&terms.margins);
    BatchGradients { loss: terms.loss, gradients, n_tokens, examples: terms.examples, margins }
}

fn of_micro_batches(
    model: &Decoder,
    objective: Objective<'_>,
    micro: &[Vec<usize>],
    n_terms: f64,
    cut: Cut,
    workers: &Workers,
) -> (Terms, Gradients) {
    let (mut terms, mut gradients) = (Terms::default(), model.gradients());
    for (round, examples) in micro.chunks(workers.count()).enumerate() {
        let order: Vec<usize> = (0..examples.len()).collect();
        let parts = workers.run(&order, |at| {
            let dropout_seed = cut.dropout_seed(round * workers.count() + at);
            let options = TraceOptions { dropout_seed, ..cut.options };
            of_micro_batch(model, objective, &examples[at], n_terms, options)
        });
        workers.together(|| {
            for part in parts {
                terms.add(part.terms);
                gradients.merge(part.gradients);
            }
        });
    }
    (terms, gradients)
}

impl Margins {
    pub(crate) fn of(margins: &[f64]) -> Option<Self> {
        let n = margins.len() as f64;
        let accuracy = margins.iter().filter(|&&margin| margin > 0.0).count() as f64 / n;
        (n > 0.0).then(|| Self { mean: margins.iter().sum::<f64>() / n, accuracy })
    }
}

fn of_micro_batch(
    model: &Decoder,
    objective: Objective<'_>,
    examples: &[usize],
    n_terms: f64,
    options: TraceOptions,
) -> Part {
    let micro = MicroBatch::new(objective, examples);
    let (hidden, trace) = model.trace(&micro.packed, options);
    let mut gradients = model.gradients();
    let (terms, d_hidden) = micro.head(model, hidden, n_terms, &mut gradients);
    model.backward(trace, d_hidden, &mut gradients);
    Part { terms, gradients }
}
