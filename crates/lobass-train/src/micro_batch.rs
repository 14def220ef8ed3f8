//! Some examples that go through the model together: a batch is cut into such.

use burn::tensor::Tensor;
use lobass_core::{Nll, Sequence};
use lobass_loss::{label_losses, label_losses_backward};
use lobass_model::{Decoder, Gradients, Packed, TraceOptions};

use crate::Objective;

/// In what pieces a batch is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) micro_batch_tokens: usize,
    /// The dropout seed is that of the step; each micro-batch derives a different one.
    pub(crate) options: TraceOptions,
    /// The most tokens whose layer inputs are kept at once, if layers are read when they are needed.
    pub(crate) tokens_at_once: usize,
}

impl Cut {
    /// The dropout seed of a micro-batch, by its number.
    pub(crate) fn dropout_seed(&self, number: usize) -> Option<u64> {
        self.options.dropout_seed.map(|seed| seed.wrapping_add(number as u64))
    }
}

/// Some examples that go through the model together.
pub(crate) struct MicroBatch<'a> {
    objective: Objective<'a>,
    examples: &'a [usize],
    pub(crate) packed: Packed,
    scored: Scored,
}

/// The part of some examples in the loss of a batch.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) loss: f64,
    /// The part of each example, by its place, with the number of its terms: scored tokens, or one for a pair.
    pub(crate) examples: Vec<(usize, Nll)>,
    /// For pairs: the margin of each.
    pub(crate) margins: Vec<f64>,
}

impl Terms {
    pub(crate) fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.examples.extend(other.examples);
        self.margins.extend(other.margins);
    }
}

impl<'a> MicroBatch<'a> {
    pub(crate) fn new(objective: Objective<'a>, examples: &'a [usize]) -> Self {
        let sequences: Vec<&Sequence> = examples.iter().flat_map(|&at| objective.sequences(at)).collect();
        let packed = Packed::new(sequences.iter().map(|sequence| sequence.input_ids()));
        let scored = Scored::new(&packed, &sequences);
        Self { objective, examples, packed, scored }
    }

    /// The loss, and its gradient with respect to the hidden states that the head reads. Adds the gradient of the head if
    /// it is trained.
    ///
    /// # Shapes
    /// - `hidden`, and its gradient: `[rows, hidden]`
    pub(crate) fn head(
        &self,
        model: &Decoder,
        hidden: Tensor<2>,
        n_terms: f64,
        gradients: &mut Gradients,
    ) -> (Terms, Tensor<2>) {
        let scored = &self.scored;
        let pairs = match self.objective {
            Objective::Sft(_) => None,
            Objective::Preference(pairs, dpo) => {
                // How much each response counts is known only once all of them have a loss.
                let nlls = scored.sums(&label_losses(model, &hidden, &scored.rows, &scored.labels));
                let pair = |(&at, nlls): (&usize, &[f64])| dpo.loss(&pairs[at], nlls[0], nlls[1]);
                Some(self.examples.iter().zip(nlls.chunks(2)).map(pair).collect::<Vec<_>>())
            }
        };
        let slopes: Vec<f64> = match &pairs {
            None => vec![1.0; scored.counts.len()],
            Some(pairs) => pairs.iter().flat_map(|pair| [pair.d_chosen, pair.d_rejected]).collect(),
        };
        let seeds = scored.seeds(&slopes, n_terms);
        let (losses, d_hidden) =
            label_losses_backward(model, hidden, &scored.rows, &scored.labels, &seeds, gradients);
        let (loss, parts, margins) = match pairs {
            None => {
                let loss = losses.iter().copied().map(f64::from).sum::<f64>();
                let nll = |(sum, &count): (f64, &usize)| Nll { sum, n_scored: count as u64 };
                let parts: Vec<Nll> = scored.sums(&losses).into_iter().zip(&scored.counts).map(nll).collect();
                (loss, parts, Vec::new())
            }
            Some(pairs) => (
                pairs.iter().map(|pair| pair.loss).sum(),
                pairs.iter().map(|pair| Nll { sum: pair.loss, n_scored: 1 }).collect(),
                pairs.iter().map(|pair| pair.margin).collect(),
            ),
        };
        let examples = self.examples.iter().copied().zip(parts).collect();
        (Terms { loss: loss / n_terms, examples, margins }, d_hidden)
    }
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
