//! Loss and gradients of a whole batch, whatever the micro-batches and threads.

use lobass_core::Sequence;
use lobass_loss::{Workers, label_losses, label_losses_backward};
use lobass_model::{Decoder, Gradients, Packed, TraceOptions};

use crate::Objective;
use crate::batches::micro_batches;

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
    let cut = Cut { micro_batch_tokens, options: TraceOptions::default() };
    let found = of_batch(model, objective, &batch, cut, &Workers::new(threads));
    (found.loss, found.gradients)
}

/// Computes the loss of one sequence, the mean over its scored tokens, and its gradient with respect to every trained
/// parameter, on the calling thread. Nothing is dropped out.
///
/// Token ids must be below the model's `vocab_size`, and something must be scored.
pub fn sequence_gradients(model: &Decoder, sequence: &Sequence) -> (f64, Gradients) {
    let objective = Objective::Sft(std::slice::from_ref(sequence));
    let part =
        of_micro_batch(model, objective, &[0], objective.n_terms(&[0]) as f64, TraceOptions::default());
    (part.loss, part.gradients)
}

/// In what pieces a batch is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) micro_batch_tokens: usize,
    /// The dropout seed is that of the step; each micro-batch derives a different one.
    pub(crate) options: TraceOptions,
}

/// The result of one batch.
pub(crate) struct BatchGradients {
    /// The value of the objective.
    pub(crate) loss: f64,
    /// The gradients of that loss, by parameter.
    pub(crate) gradients: Gradients,
    pub(crate) n_tokens: usize,
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
    loss: f64,
    gradients: Gradients,
    margins: Vec<f64>,
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
    let n_terms = objective.n_terms(batch);
    let micro = micro_batches(batch, |at| objective.n_tokens(at), cut.micro_batch_tokens);
    let mut gradients = model.gradients();
    let mut loss = 0.0;
    let mut margins = Vec::new();
    for (round, examples) in micro.chunks(workers.count()).enumerate() {
        let order: Vec<usize> = (0..examples.len()).collect();
        let parts = workers.run(&order, |at| {
            let number = (round * workers.count() + at) as u64;
            let dropout_seed = cut.options.dropout_seed.map(|seed| seed.wrapping_add(number));
            let options = TraceOptions { dropout_seed, ..cut.options };
            of_micro_batch(model, objective, &examples[at], n_terms as f64, options)
        });
        for part in parts {
            loss += part.loss;
            gradients.merge(part.gradients);
            margins.extend(part.margins);
        }
    }
    let n_tokens = batch.iter().map(|&at| objective.n_tokens(at)).sum();
    BatchGradients { loss, gradients, n_tokens, margins: Margins::of(&margins) }
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
    let sequences: Vec<&Sequence> = examples.iter().flat_map(|&at| objective.sequences(at)).collect();
    let packed = Packed::new(sequences.iter().map(|sequence| sequence.input_ids()));
    let scored = Scored::new(&packed, &sequences);
    let (hidden, trace) = model.trace(&packed, options);
    let mut gradients = model.gradients();
    let terms = match objective {
        Objective::Sft(_) => None,
        Objective::Preference(pairs, dpo) => {
            // How much each response counts is known only once all of them have a loss.
            let nlls = scored.sums(&label_losses(model, &hidden, &scored.rows, &scored.labels));
            let pair = |(&at, nlls): (&usize, &[f64])| dpo.loss(&pairs[at], nlls[0], nlls[1]);
            Some(examples.iter().zip(nlls.chunks(2)).map(pair).collect::<Vec<_>>())
        }
    };
    let slopes: Vec<f64> = match &terms {
        None => vec![1.0; sequences.len()],
        Some(pairs) => pairs.iter().flat_map(|pair| [pair.d_chosen, pair.d_rejected]).collect(),
    };
    let seeds = scored.seeds(&slopes, n_terms);
    let (losses, d_hidden) =
        label_losses_backward(model, hidden, &scored.rows, &scored.labels, &seeds, &mut gradients);
    model.backward(trace, d_hidden, &mut gradients);
    let (loss, margins) = match terms {
        None => (losses.into_iter().map(f64::from).sum::<f64>(), Vec::new()),
        Some(pairs) => {
            (pairs.iter().map(|pair| pair.loss).sum(), pairs.iter().map(|pair| pair.margin).collect())
        }
    };
    Part { loss: loss / n_terms, gradients, margins }
}

/// The scored positions of packed sequences.
struct Scored {
    rows: Vec<usize>,
    labels: Vec<u32>,
    /// How many each sequence has.
    counts: Vec<usize>,
}

impl Scored {
    fn new(packed: &Packed, sequences: &[&Sequence]) -> Self {
        let mut scored = Self { rows: Vec::new(), labels: Vec::new(), counts: Vec::new() };
        for (start, sequence) in packed.starts().zip(sequences) {
            scored.rows.extend(sequence.scored_positions().map(|position| start + position));
            scored.labels.extend(sequence.scored_labels());
            scored.counts.push(sequence.n_scored());
        }
        scored
    }

    /// The summed loss of each sequence.
    fn sums(&self, losses: &[f32]) -> Vec<f64> {
        let mut losses = losses.iter().copied().map(f64::from);
        self.counts.iter().map(|&count| losses.by_ref().take(count).sum()).collect()
    }

    /// The derivative of the batch's loss with respect to the loss of each scored token.
    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    fn seeds(&self, slopes: &[f64], n_terms: f64) -> Vec<f32> {
        let of_sequence =
            |(&count, &slope): (&usize, &f64)| std::iter::repeat_n((slope / n_terms) as f32, count);
        self.counts.iter().zip(slopes).flat_map(of_sequence).collect()
    }
}
