//! One row of the score table.

use crate::{ExampleKey, Nll, RowStatus};

/// One input row after scoring: its key, its status, and its losses.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRecord {
    /// 0-based position in the pool, counted over all its files in the order they were given.
    pub row: u64,
    /// The row's name.
    pub key: ExampleKey,
    /// The status of the row.
    pub status: RowStatus,
    /// Why it has that status, for a person.
    pub reason: Option<String>,
    /// Which file or data set of the pool it comes from.
    pub source: String,
    /// Tokens in the whole sequence, of a pair in the chosen one; 0 for a row that never became one.
    pub n_tokens: u32,
    /// Tokens that are scored, of a pair those of the chosen response.
    pub n_scored: u32,
    /// Loss under the base model; only for scored rows.
    pub base: Option<Nll>,
    /// Loss under the reference model over the same tokens; only for scored rows, and only with a reference. Of
    /// several references, the mean over those that were not trained on the row.
    pub reference: Option<Nll>,
    /// The mean loss under the references that were trained on the row, if others were not.
    pub in_sample: Option<Nll>,
    /// The fold of the pool that the row is in, if references were cross-fitted.
    pub fold: Option<u32>,
    /// The rejected response; only for pairs.
    pub rejected: Option<RejectedRecord>,
}

/// The other response of a pair: the same prompt with the response that was rejected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RejectedRecord {
    /// Tokens in the whole sequence.
    pub n_tokens: u32,
    /// Tokens that are scored.
    pub n_scored: u32,
    /// Loss under the base model; only for scored rows.
    pub base: Option<Nll>,
    /// Loss under the reference model, as that of the chosen response.
    pub reference: Option<Nll>,
}

impl ScoreRecord {
    /// A row that was scored under both models, with the summed losses of its `n_scored` scored tokens in nats.
    ///
    /// The other fields are those of a row in memory: its position as its key (`row-17`), the source `pool`, no
    /// unscored token, no fold, and no rejected response. Set what differs: `ScoreRecord { n_tokens: 30,
    /// ..ScoreRecord::scored(17, 10, 20.0, 15.0) }`.
    pub fn scored(row: u64, n_scored: u32, base: f64, reference: f64) -> Self {
        let nll = |sum| Some(Nll { sum, n_scored: n_scored.into() });
        Self {
            row,
            key: ExampleKey::new(format!("row-{row}")),
            status: RowStatus::Ok,
            reason: None,
            source: "pool".to_owned(),
            n_tokens: n_scored,
            n_scored,
            base: nll(base),
            reference: nll(reference),
            in_sample: None,
            fold: None,
            rejected: None,
        }
    }

    /// Tokens that a trainer reads for this row: those of its sequence, of a pair those of both.
    pub fn n_tokens_read(&self) -> u64 {
        u64::from(self.n_tokens) + self.rejected.map_or(0, |rejected| u64::from(rejected.n_tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_read_twice() {
        let rejected = RejectedRecord { n_tokens: 7, n_scored: 2, base: None, reference: None };
        let single = ScoreRecord { n_tokens: 5, ..ScoreRecord::scored(0, 1, 2.0, 1.0) };
        assert_eq!(single.n_tokens_read(), 5);
        assert_eq!(ScoreRecord { rejected: Some(rejected), ..single }.n_tokens_read(), 12);
    }
}
