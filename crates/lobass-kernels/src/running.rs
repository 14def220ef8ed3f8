//! Sums over the softmax of each row while its logits come in, some tokens of the vocabulary at a time.

use crate::lanes::vectorized;

/// Exponentials summed in `f32` before the sum continues in `f64`, so that a vocabulary of any size loses no digits.
pub(crate) const PIECE: usize = 1024;

/// The sums over the logits of a row.
pub(crate) trait Sums: Copy {
    /// The sums over no logits.
    const EMPTY: Self;

    /// The sums over some logits, of which the exponentials are left. Has to be inlined, to be compiled for the vector
    /// instructions.
    fn over(logits: &mut [f32]) -> Self;

    /// The sums over the logits of both.
    fn joined(self, other: Self) -> Self;
}

/// The sums of some rows, and the logits of their labels.
#[derive(Debug, Clone)]
pub(crate) struct Running<'a, S> {
    labels: &'a [u32],
    n_seen: usize,
    rows: Vec<(S, f32)>,
}

impl<'a, S: Sums> Running<'a, S> {
    /// Begins with an empty vocabulary.
    pub(crate) fn new(labels: &'a [u32]) -> Self {
        Self { labels, n_seen: 0, rows: vec![(S::EMPTY, f32::NAN); labels.len()] }
    }

    /// Takes the logits of the next `width` tokens, `[rows, width]`, and leaves their exponentials.
    ///
    /// # Panics
    /// If there are not as many logits.
    pub(crate) fn add(&mut self, logits: &mut [f32], width: usize) {
        assert_eq!(logits.len(), self.labels.len() * width, "logits of {} rows", self.labels.len());
        for ((row, label), (sums, of_label)) in
            logits.chunks_exact_mut(width).zip(self.labels).zip(&mut self.rows)
        {
            if let Some(logit) = (*label as usize).checked_sub(self.n_seen).and_then(|at| row.get(at)) {
                *of_label = *logit;
            }
            let seen = vectorized(
                #[inline(always)]
                || S::over(row),
            );
            *sums = sums.joined(seen);
        }
        self.n_seen += width;
    }

    /// The sums of each row, and the logit of its label.
    ///
    /// # Panics
    /// If a label is not below the number of tokens seen.
    pub(crate) fn rows(self) -> impl Iterator<Item = (S, f32)> {
        let highest = self.labels.iter().copied().max().unwrap_or(0) as usize;
        let seen = self.n_seen;
        assert!(self.rows.is_empty() || highest < seen, "label {highest} of a vocabulary of {seen}");
        self.rows.into_iter()
    }
}
