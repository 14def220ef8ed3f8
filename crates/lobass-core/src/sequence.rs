//! One example as a model sees it: token ids and the mask of what counts.

use thiserror::Error;

/// Token ids with a loss mask over the *predictions*.
///
/// `loss_mask[t]` says whether the prediction made at position `t`, whose label is `input_ids[t + 1]`, counts. The
/// mask is therefore one shorter than the ids. The shift by one happens in [`Sequence::from_scored_tokens`] and
/// nowhere else in lobass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    input_ids: Vec<u32>,
    loss_mask: Vec<bool>,
}

/// Why ids and mask do not make a [`Sequence`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SequenceError {
    /// A sequence has at least one token.
    #[error("expected at least one token, found none")]
    Empty,
    /// The mask and the ids speak of different tokens.
    #[error("expected one mask entry per token, {n_tokens}, found {n_mask}")]
    LengthMismatch {
        /// How many token ids were given.
        n_tokens: usize,
        /// How many mask entries were given.
        n_mask: usize,
    },
    /// Nothing predicts the first token, so it has no loss.
    #[error("the first token cannot be scored, since nothing comes before it")]
    FirstTokenScored,
}

impl Sequence {
    /// Makes a sequence from one flag per *token*: `scored[i]` says that token `i` is part of a response.
    ///
    /// # Errors
    /// [`SequenceError::Empty`] without tokens, [`SequenceError::LengthMismatch`] if `scored` and `input_ids` differ
    /// in length, [`SequenceError::FirstTokenScored`] if `scored[0]` is set.
    pub fn from_scored_tokens(input_ids: Vec<u32>, scored: &[bool]) -> Result<Self, SequenceError> {
        if input_ids.len() != scored.len() {
            return Err(SequenceError::LengthMismatch { n_tokens: input_ids.len(), n_mask: scored.len() });
        }
        let (first, rest) = scored.split_first().ok_or(SequenceError::Empty)?;
        if *first {
            return Err(SequenceError::FirstTokenScored);
        }
        Ok(Self { input_ids, loss_mask: rest.to_vec() })
    }

    /// The scored tokens without anything that comes before or between them: `start`, then each of them, all scored.
    /// The response without its prompt. The same tokens are scored as in the whole sequence.
    #[must_use]
    pub fn unconditional(&self, start: u32) -> Self {
        let input_ids: Vec<u32> = std::iter::once(start).chain(self.scored_labels()).collect();
        Self { loss_mask: vec![true; input_ids.len() - 1], input_ids }
    }

    /// The tokens before the last run of scored tokens: what the last response answers. Without scored tokens, all of them.
    pub fn prompt(&self) -> &[u32] {
        let (prompt, _) = self.input_ids.split_at(self.last_response().start);
        prompt
    }

    /// The tokens of the last run of scored tokens; empty without scored tokens.
    pub fn demonstration(&self) -> &[u32] {
        &self.input_ids[self.last_response()]
    }

    /// The place of the last run of scored tokens.
    fn last_response(&self) -> std::ops::Range<usize> {
        let counts = |at: &usize| self.loss_mask[*at];
        let Some(last) = (0..self.loss_mask.len()).rev().find(counts) else {
            return self.n_tokens()..self.n_tokens();
        };
        let first = (0..last).rev().take_while(counts).last().unwrap_or(last);
        first + 1..last + 2
    }

    /// The token ids, `n_tokens` of them.
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// Which predictions count, `n_tokens - 1` of them: entry `t` belongs to the label `input_ids[t + 1]`.
    pub fn loss_mask(&self) -> &[bool] {
        &self.loss_mask
    }

    /// The number of tokens.
    pub fn n_tokens(&self) -> usize {
        self.input_ids.len()
    }

    /// The number of scored tokens.
    pub fn n_scored(&self) -> usize {
        self.loss_mask.iter().filter(|&&counts| counts).count()
    }

    /// The positions whose prediction counts, ascending; the label of position `t` is `input_ids()[t + 1]`.
    pub fn scored_positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.loss_mask.iter().enumerate().filter_map(|(position, &counts)| counts.then_some(position))
    }

    /// The label of every scored position, in the order of [`Sequence::scored_positions`].
    pub fn scored_labels(&self) -> impl Iterator<Item = u32> + '_ {
        self.scored_positions().map(|position| self.input_ids[position + 1])
    }

    /// Whether token `index` is scored; the first never is.
    pub fn is_scored(&self, index: usize) -> bool {
        index > 0 && self.loss_mask.get(index - 1).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_happens_once() {
        // A prompt of two tokens and a response of one: the prediction at position 1 is the scored one.
        let sequence = Sequence::from_scored_tokens(vec![7, 8, 9], &[false, false, true]).unwrap();
        assert_eq!(sequence.loss_mask(), [false, true]);
        assert_eq!(sequence.scored_positions().collect::<Vec<_>>(), [1]);
        assert_eq!(sequence.scored_labels().collect::<Vec<_>>(), [9]);
        assert!(sequence.is_scored(2));
        assert!(!sequence.is_scored(1));
    }

    #[test]
    fn the_last_response_answers_everything_before_it() {
        let sequence = |scored: &[bool]| {
            let ids = (10..).take(scored.len()).collect();
            Sequence::from_scored_tokens(ids, scored).unwrap()
        };
        let two = sequence(&[false, true, true, false, true, true, false]);
        assert_eq!((two.prompt(), two.demonstration()), (&[10, 11, 12, 13][..], &[14, 15][..]));
        let one = sequence(&[false, true]);
        assert_eq!((one.prompt(), one.demonstration()), (&[10][..], &[11][..]));
        let none = sequence(&[false, false]);
        assert_eq!((none.prompt(), none.demonstration()), (&[10, 11][..], &[][..]));
    }

    #[test]
    fn a_response_without_its_prompt_has_the_same_tokens() {
        let scored = [false, true, false, true, true];
        let sequence = Sequence::from_scored_tokens(vec![7, 8, 9, 10, 11], &scored).unwrap();
        let alone = sequence.unconditional(1);
        assert_eq!(alone.input_ids(), [1, 8, 10, 11]);
        assert!(alone.scored_labels().eq(sequence.scored_labels()));
        assert_eq!(alone.n_scored(), 3);
    }

    #[test]
    fn malformed_input_is_refused() {
        assert_eq!(Sequence::from_scored_tokens(vec![], &[]), Err(SequenceError::Empty));
        assert_eq!(
            Sequence::from_scored_tokens(vec![1, 2], &[false]),
            Err(SequenceError::LengthMismatch { n_tokens: 2, n_mask: 1 })
        );
        assert_eq!(Sequence::from_scored_tokens(vec![1], &[true]), Err(SequenceError::FirstTokenScored));
    }

    #[test]
    fn one_token_scores_nothing() {
        let sequence = Sequence::from_scored_tokens(vec![1], &[false]).unwrap();
        assert_eq!(sequence.n_scored(), 0);
        assert_eq!(sequence.n_tokens(), 1);
    }
}
