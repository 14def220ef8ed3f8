//! Judgments of predictions, once the next token is known.

use burn::tensor::Tensor;
use lobass_core::Measure;
use lobass_model::{Decoder, LogitBlocks, Logits};

use crate::brier::Brier;
use crate::cross_entropy::CrossEntropy;

/// Judges predictions by the tokens that came: one verdict for each.
///
/// There are two halves, since logits come in two forms. Both give the same verdicts, up to the order of sums.
pub trait Judge: Sync {
    /// The verdict on one prediction.
    type Verdict: Copy + Send;

    /// Judges rows on the processor, where logits go by in blocks of the vocabulary.
    ///
    /// A verdict must not depend on the other rows, to the bit.
    fn by_blocks(&self, logits: LogitBlocks<'_>, labels: &[u32]) -> Vec<Self::Verdict>;

    /// Judges rows on another device, with all their logits.
    ///
    /// # Shapes
    /// - `logits`: `[rows, vocab]`; `labels`, and what is returned: one per row
    fn by_rows(&self, logits: Tensor<2>, labels: &[u32]) -> Vec<Self::Verdict>;
}

/// The judge of a measure: the one place that says which it is.
pub(crate) fn judge_of(measure: Measure) -> &'static dyn Judge<Verdict = f32> {
    match measure {
        Measure::CrossEntropy => &CrossEntropy,
        Measure::Brier => &Brier,
    }
}

/// The verdict on each label; logits are never all there at once.
///
/// # Shapes
/// - `hidden`: `[rows, hidden]`; `labels`, and what is returned: one per row
pub(crate) fn verdicts<J: Judge + ?Sized>(
    judge: &J,
    model: &Decoder,
    hidden: &Tensor<2>,
    labels: &[u32],
) -> Vec<J::Verdict> {
    let mut all = Vec::with_capacity(labels.len());
    model.each_logits(hidden, |rows, logits| {
        let labels = &labels[rows];
        all.extend(match logits {
            Logits::Blocks(blocks) => judge.by_blocks(blocks, labels),
            Logits::Whole(logits) => judge.by_rows(logits, labels),
        });
    });
    all
}
