//! Rows whose scores are known, as a small table, and a strategy that gives these scores.

use std::error::Error;

use lobass_core::{Numbers, RowStatus, ScoreColumns};

use super::kept::Row;
use crate::strategy::{Inputs, KeyHashes, Problem, Strategy, StrategyInfo};

/// Rows of a table whose scores are known, ascending.
pub(super) struct Known<'a> {
    pub(super) strategy: &'a dyn Strategy,
    pub(super) rows: Vec<Row>,
}

/// The hashes of these rows, read from the whole table.
pub(super) struct Hashes<'a> {
    pub(super) rows: &'a [Row],
    pub(super) of_table: &'a dyn KeyHashes,
}

impl Known<'_> {
    /// The table of these rows.
    pub(super) fn columns(&self, seed: u64) -> ScoreColumns {
        let n_tokens = |of: usize| self.rows.iter().map(|row| row.n_tokens[of]).collect();
        let mut columns = ScoreColumns { seed, n_tokens: n_tokens(0), ..ScoreColumns::default() };
        if self.rows.iter().any(|row| row.n_tokens[1] > 0) {
            columns.rejected_n_tokens = n_tokens(1);
        }
        columns.statuses = vec![RowStatus::Ok; self.rows.len()];
        columns
    }

    /// Where one of these rows is in the whole table.
    pub(super) fn row(&self, at: u64) -> u64 {
        self.rows[usize::try_from(at).expect("a row in memory")].row.into()
    }
}

impl Strategy for Known<'_> {
    fn info(&self) -> StrategyInfo {
        // The scores are below the ceiling already.
        StrategyInfo { needs: &[], ceiling: None, ..self.strategy.info() }
    }

    fn scores(&self, _: &Inputs<'_>) -> Result<Numbers, Problem> {
        Ok(self.rows.iter().map(|row| Some(row.score.value())).collect())
    }
}

impl KeyHashes for Hashes<'_> {
    fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        let rows: Vec<u32> = rows.iter().map(|&at| self.rows[at as usize].row).collect();
        self.of_table.of(&rows, seed)
    }

    fn of_all(&self, seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        self.of_table.of(&self.rows.iter().map(|row| row.row).collect::<Vec<_>>(), seed)
    }
}
