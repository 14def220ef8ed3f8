//! Shards of losses: what a model writes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, UInt32Array, UInt64Array};
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
}

impl RowLoss {
    pub(crate) fn new(row: u64, loss: SequenceLoss) -> Self {
        let n_scored = u32::try_from(loss.nll.n_scored).expect("rows are far shorter than 2^32 tokens");
        Self { row, nll: loss.nll.sum, n_scored, per_token: loss.per_token }
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
    Ok((to_bytes(&batch(columns), path)?, digest(losses)))
}

/// Reads a shard's file.
pub(crate) fn read(path: &Path) -> Result<Vec<RowLoss>, Error> {
    let mut losses = Vec::new();
    for columns in Reader::open(path)?.batches()? {
        let columns = columns?;
        let (rows, n_scored) = (columns.u64s("row")?, columns.u32s("n_scored")?);
        let nlls = columns.f64s("nll")?;
        let tokens = if columns.has("token_nll") {
            columns.f32_lists("token_nll")?
        } else {
            vec![None; columns.n_rows()]
        };
        for (at, per_token) in tokens.into_iter().enumerate() {
            let nll = nlls[at].unwrap_or(f64::NAN);
            losses.push(RowLoss { row: rows[at], nll, n_scored: n_scored[at], per_token });
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
    }
    hash.hex()
}
