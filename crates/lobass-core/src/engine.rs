//! The contract between what produces sequences and what knows their loss.

use serde::{Deserialize, Serialize};

use crate::{Nll, Sequence};

/// How much a [`LossEngine`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// One sum and count per sequence.
    #[default]
    Sum,
    /// Also the loss of every scored token.
    PerToken,
}

/// The loss of one sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceLoss {
    /// The sum over the scored tokens, in nats, and their number. NaN or infinite if the model said so.
    pub nll: Nll,
    /// The loss of each scored token in nats, in order; `Some` exactly when [`Detail::PerToken`] was asked for.
    pub per_token: Option<Vec<f32>>,
}

/// Something that knows the loss of sequences: one model on one device.
///
/// An answer depends on the sequence alone, never on its company, its place in the call, or the number of threads.
/// Implementations say how exactly they keep that on each device.
pub trait LossEngine {
    /// The engine's error: a token outside the vocabulary, or a device that fails.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Token ids are below this; others have no embedding.
    fn vocab_size(&self) -> usize;

    /// Returns the loss of every sequence, in order.
    ///
    /// A sequence without scored tokens has `sum` 0 and `n_scored` 0. A loss that is not finite is returned as it
    /// is; what to do about it is the caller's decision.
    ///
    /// # Errors
    /// If a sequence cannot be run at all. Nothing is returned then, not even for the others.
    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Self::Error>;
}

/// A [`LossEngine`] that also makes a vector of each sequence: the position-weighted mean of the model's last hidden
/// states.
///
/// With `h_i` what the head reads at position `i` of `n`, counted from 1, that is `sum(i h_i) / sum(i)` over the whole
/// sequence, prompt and response. It is a function of the sequence's tokens alone, as a loss is.
///
/// Source: RDS+ (arXiv 2503.01807), whose last hidden state is transformers' `hidden_states[-1]`, after the last norm.
pub trait EmbeddingEngine: LossEngine {
    /// The length of a vector: the model's hidden size.
    fn dim(&self) -> usize;

    /// Returns the vector of every sequence, in order; not normalized.
    ///
    /// # Errors
    /// The errors of [`LossEngine::losses`].
    fn embeddings(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Self::Error>;

    /// Returns both of every sequence, in order, from one forward pass: what [`LossEngine::losses`] and
    /// [`EmbeddingEngine::embeddings`] return, to the bit.
    ///
    /// # Errors
    /// The errors of [`LossEngine::losses`].
    fn losses_and_embeddings(
        &self,
        sequences: &[Sequence],
        detail: Detail,
    ) -> Result<Vec<(SequenceLoss, Vec<f32>)>, Self::Error>;
}
