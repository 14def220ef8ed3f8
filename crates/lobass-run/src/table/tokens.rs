//! The losses of tokens, row by row.

use std::path::Path;

use lobass_core::{RowStatus, Sequence};

use super::groups::{Group, Groups};
use super::not_a_table;
use super::parquet_file::{INPUT_IDS, SCORED_RUNS};
use crate::Error;
use crate::columns::Columns;
use crate::manifest::token_column;
use crate::rows::sequence;

/// A row with the loss of every scored token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLosses {
    /// 0-based position in the pool.
    pub row: u64,
    /// The status of the row.
    pub status: RowStatus,
    /// Its tokens, of a pair those of the chosen side.
    pub sequence: Sequence,
    /// Per model that was asked for, the loss of each scored token in nats, in order.
    pub losses: Vec<Vec<f32>>,
}

impl TokenLosses {
    /// The rows of a batch that have losses under all models.
    fn of_batch(columns: &Columns, models: &[String], path: &Path) -> Result<Vec<Self>, Error> {
        let (numbers, (names, codes)) = (columns.u64s("row")?, columns.coded("status")?);
        let (ids, runs) = (columns.optional_u32_lists(INPUT_IDS)?, columns.optional_u32_lists(SCORED_RUNS)?);
        let lists: Vec<Vec<Option<Vec<f32>>>> =
            models.iter().map(|model| columns.f32_lists(model)).collect::<Result<_, _>>()?;
        let damaged = |row: u64, what: &str| Error::Damaged {
            path: path.to_owned(),
            reason: format!("row {row}: {what}"),
        };
        let mut rows = Vec::new();
        for (at, ((ids, runs), code)) in ids.into_iter().zip(runs).zip(codes).enumerate() {
            let row = numbers[at];
            let (Some(ids), Some(runs)) = (ids, runs) else { continue };
            let status = code.map(|code| names.value(code)).unwrap_or_default();
            let status = status.parse().map_err(|reason: String| damaged(row, &reason))?;
            let sequence = sequence(ids, &runs).map_err(|reason| damaged(row, &reason))?;
            let losses: Option<Vec<Vec<f32>>> = lists.iter().map(|lists| lists[at].clone()).collect();
            let losses = losses.ok_or_else(|| damaged(row, "expected losses of its tokens, found none"))?;
            if losses.iter().any(|losses| losses.len() != sequence.n_scored()) {
                return Err(damaged(row, "expected a loss for each scored token"));
            }
            rows.push(Self { row, status, sequence, losses });
        }
        Ok(rows)
    }
}

/// Hands every row that has losses under some models on, in order.
pub(super) fn read(
    groups: &Groups,
    path: &Path,
    models: &[&str],
    threads: usize,
    mut take: impl FnMut(TokenLosses) -> Result<(), Error>,
) -> Result<(), Error> {
    let columns: Vec<String> = models.iter().map(|model| token_column(model)).collect();
    if !groups.has(INPUT_IDS) {
        return Err(Error::NoTokenLosses { path: path.to_owned() });
    }
    if let Some(missing) = columns.iter().find(|column| !groups.has(column)) {
        return Err(not_a_table(path, format!("expected column `{missing}`, found none")));
    }
    let mut names = vec!["row", "status", INPUT_IDS, SCORED_RUNS];
    names.extend(columns.iter().map(String::as_str));
    let decode = |_: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let rows = batches.map(|batch| TokenLosses::of_batch(&batch?, &columns, path));
        rows.collect::<Result<Vec<_>, _>>()
    };
    groups.read(&groups.all(), &names, threads, decode, |_, batches| {
        batches.into_iter().flatten().try_for_each(&mut take)
    })
}
