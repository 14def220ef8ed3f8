//! Shards of losses: what a model writes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, UInt32Array, UInt64Array};
use bytes::Bytes;
use lobass_core::SequenceLoss;

use crate::Error;
use crate::columns::{Reader, batch, to_bytes};
use crate::commit::ValueHash;

/// The loss of one scored row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowLoss {
    pub(crate) row: u64,
    /// Summed over the scored tokens, in nats; not finite if the model said so.
    pub(crate) nll: f64,
    pub(crate) n_scored: u32,
    pub(crate) per_token: Option<Vec<f32>>,
    /// For a pair, the sum and the count of the rejected side. Tokens are kept for the chosen side only.
    pub(crate) rejected: Option<(f64, u32)>,
}

impl RowLoss {
    pub(crate) fn new(row: u64, loss: SequenceLoss, rejected: Option<&SequenceLoss>) -> Self {
        let sum_and_count = |loss: &SequenceLoss| {
            let n_scored = u32::try_from(loss.nll.n_scored).expect("rows are far shorter than 2^32 tokens");
            (loss.nll.sum, n_scored)
        };
        let (nll, n_scored) = sum_and_count(&loss);
        Self { row, nll, n_scored, per_token: loss.per_token, rejected: rejected.map(sum_and_count) }
    }

    /// The first of its losses that is no finite number.
    pub(crate) fn not_finite(&self) -> Option<f64> {
        [Some(self.nll), self.rejected.map(|(nll, _)| nll)].into_iter().flatten().find(|nll| !nll.is_finite())
    }
}

/// The bytes of a shard's file and the digest of its values.
pub(crate) fn serialize(losses: &[RowLoss], path: &Path) -> Result<(Vec<u8>, String), Error> {
    let rows: ArrayRef = Arc::new(losses.iter().map(|loss| Some(loss.row)).collect::<UInt64Array>());
    let nlls: ArrayRef = Arc::new(losses.iter().map(|loss| Some(loss.nll)).collect::<Float64Array>());
    let counts: ArrayRef = Arc::new(losses.iter().map(|loss| Some(loss.n_scored)).collect::<UInt32Array>());
    let mut columns = vec![("row", false, rows), ("nll", false, nlls), ("n_scored", false, counts)];
    if losses.iter().any(|loss| loss.per_token.is_some()) {
        let lists = losses.iter().map(|loss| {
            loss.per_token.as_ref().map(|tokens| tokens.iter().copied().map(Some).collect::<Vec<_>>())
        });
        columns.push((
            "token_nll",
            true,
            Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists)),
        ));
    }
    if losses.iter().any(|loss| loss.rejected.is_some()) {
        let nlls = losses.iter().map(|loss| loss.rejected.map(|(nll, _)| nll)).collect::<Float64Array>();
        let counts = losses.iter().map(|loss| loss.rejected.map(|(_, count)| count)).collect::<UInt32Array>();
        columns.push(("rejected_nll", true, Arc::new(nlls)));
        columns.push(("rejected_n_scored", true, Arc::new(counts)));
    }
    Ok((to_bytes(&batch(columns), path)?, digest(losses)))
}

/// Reads a shard's file; `path` is its name in errors.
pub(crate) fn read(bytes: Bytes, path: &Path) -> Result<Vec<RowLoss>, Error> {
    let mut losses = Vec::new();
    for columns in Reader::of(bytes, path)?.batches()? {
        let columns = columns?;
        let (rows, n_scored) = (columns.u64s("row")?, columns.u32s("n_scored")?);
        let nlls = columns.f64s("nll")?;
        let tokens = if columns.has("token_nll") {
            columns.f32_lists("token_nll")?
        } else {
            vec![None; columns.n_rows()]
        };
        let (rejected_nlls, rejected_counts) = if columns.has("rejected_nll") {
            (columns.f64s("rejected_nll")?, columns.optional_u32s("rejected_n_scored")?)
        } else {
            (vec![None; columns.n_rows()], vec![None; columns.n_rows()])
        };
        for (at, per_token) in tokens.into_iter().enumerate() {
            let nll = nlls[at].unwrap_or(f64::NAN);
            let rejected = rejected_counts[at].map(|count| (rejected_nlls[at].unwrap_or(f64::NAN), count));
            losses.push(RowLoss { row: rows[at], nll, n_scored: n_scored[at], per_token, rejected });
        }
    }
    Ok(losses)
}

pub(crate) fn digest(losses: &[RowLoss]) -> String {
    let mut hash = ValueHash::default();
    for loss in losses {
        hash.number(loss.row);
        hash.number(loss.nll.to_bits());
        hash.number(loss.n_scored.into());
        if let Some(tokens) = &loss.per_token {
            hash.bytes(tokens.iter().map(|token| token.to_le_bytes()));
        }
        if let Some((nll, n_scored)) = loss.rejected {
            hash.text("rejected");
            hash.number(nll.to_bits());
            hash.number(n_scored.into());
        }
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_loss() -> impl Strategy<Value = RowLoss> {
        let tokens = prop::option::of(prop::collection::vec(-9.0f32..9.0, 0..9));
        let rejected = prop::option::of((0.0f64..1e6, any::<u32>()));
        (any::<u64>(), 0.0f64..1e6, any::<u32>(), tokens, rejected).prop_map(
            |(row, nll, n_scored, per_token, rejected)| RowLoss { row, nll, n_scored, per_token, rejected },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn losses_survive_their_file(losses in prop::collection::vec(any_loss(), 1..20)) {
            let path = Path::new("losses.parquet");
            let (bytes, digest_before) = serialize(&losses, path).unwrap();
            let read = read(bytes.into(), path).unwrap();
            prop_assert_eq!(digest(&read), digest_before);
            prop_assert_eq!(read, losses);
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_is_found_on_either_side() {
        let loss = |nll, rejected| RowLoss { row: 0, nll, n_scored: 1, per_token: None, rejected };
        assert_eq!(loss(1.0, Some((2.0, 1))).not_finite(), None);
        assert_eq!(loss(f64::INFINITY, None).not_finite(), Some(f64::INFINITY));
        assert_eq!(loss(1.0, Some((f64::NEG_INFINITY, 1))).not_finite(), Some(f64::NEG_INFINITY));
    }
}
