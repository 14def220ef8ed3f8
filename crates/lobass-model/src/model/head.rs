//! The head: hidden states to logits, and back.

use std::ops::Range;

use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::gradients::Gradients;
use crate::ops::{HeadProducts, Input, LogitForm, Logits};

impl Decoder {
    /// Unnormalized log-probabilities of the next token for chosen rows of [`Decoder::hidden_states`].
    ///
    /// # Shapes
    /// - `hidden`: `[rows, hidden]`
    /// - returns: `[rows, vocab]`, `f32`
    pub fn logits(&self, hidden: &Tensor<2>) -> Tensor<2> {
        self.logits_of(hidden, 0..self.spec.vocab_size)
    }

    /// Some columns of [`Decoder::logits`]: those of the tokens of a range.
    ///
    /// # Panics
    /// If the range ends beyond the vocabulary.
    pub fn logits_of(&self, hidden: &Tensor<2>, tokens: Range<usize>) -> Tensor<2> {
        self.logits_of_packed(&self.packed_for_head(hidden.clone()), tokens)
    }

    /// Hidden states, prepared once for the logits of several ranges of tokens.
    fn packed_for_head(&self, hidden: Tensor<2>) -> Input {
        let weights = match &self.lm_head {
            Some(head) => head.dtype(),
            None => self.model.embed_tokens.dtype(),
        };
        self.ops().pack_for_head(hidden, weights)
    }

    fn logits_of_packed(&self, hidden: &Input, tokens: Range<usize>) -> Tensor<2> {
        let tokens = (tokens != (0..self.spec.vocab_size)).then_some(tokens);
        let products = match &self.lm_head {
            Some(head) => head.as_head(hidden, tokens, self.ops()),
            None => self.model.embed_tokens.as_head(hidden, tokens, self.ops()),
        };
        self.ops().logits(self.spec.logits, products)
    }

    /// Hands out the logits of all rows of `hidden`, some rows at a time, in the form that suits the device. On the
    /// processor, those of a row are the same to the bit whatever rows are beside it.
    ///
    /// # Shapes
    /// - `hidden`: `[rows, hidden]`
    /// - `read` gets some of the rows, in order, and their logits
    pub fn each_logits(&self, hidden: &Tensor<2>, mut read: impl FnMut(Range<usize>, Logits<'_>)) {
        let pack =
            |rows: &Range<usize>| self.packed_for_head(hidden.clone().narrow(0, rows.start, rows.len()));
        let product = |packed: &Input, tokens: &Range<usize>| self.logits_of_packed(packed, tokens.clone());
        self.ops().each_logits(
            hidden.dims()[0],
            self.spec.vocab_size,
            HeadProducts { pack: &pack, product: &product },
            &mut read,
        );
    }

    /// The cross entropy of each label, in nats, and the gradient of `sum(seeds * losses)` with respect to `hidden` and,
    /// added to `gradients`, to the head. All logits are there at once.
    ///
    /// # Shapes
    /// - `hidden`, and its gradient: `[rows, hidden]`; `labels`, `seeds`, and losses: one per row
    ///
    /// # Panics
    /// If there are not as many, or if a label is not below the model's `vocab_size`.
    pub fn cross_entropy_backward(
        &self,
        hidden: &Tensor<2>,
        labels: &[u32],
        seeds: &[f32],
        gradients: &mut Gradients,
    ) -> (Vec<f32>, Tensor<2>) {
        let (ops, form) = (self.ops(), self.spec.logits);
        let logits = self.logits(hidden);
        let (losses, d_products) = if form == LogitForm::PLAIN {
            ops.cross_entropy_backward(logits, labels, seeds)
        } else {
            let (losses, d_logits) = ops.cross_entropy_backward(logits.clone(), labels, seeds);
            (losses, ops.logits_backward(form, logits, d_logits))
        };
        let d_hidden = match &self.lm_head {
            Some(head) => head.as_head_backward(hidden, &d_products, gradients, ops),
            None => self.model.embed_tokens.as_head_backward(hidden, &d_products, gradients, ops),
        };
        ops.recycle(d_products);
        (losses, d_hidden)
    }
}
