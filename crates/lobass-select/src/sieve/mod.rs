//! Selecting from a table that comes in pieces, when a row's score depends on that row alone.

mod kept;
mod known;

use std::sync::{Mutex, PoisonError, RwLock};

use lobass_core::{Budget, ColumnSet, Direction, Score, ScoreColumns, Selected, Selection};

use self::kept::{Kept, Row};
use self::known::{Hashes, Known};
use crate::best::Limit;
use crate::error::SelectError;
use crate::select::{Request, above_ceiling, is_one_ranking, scores, select};
use crate::shape::Shape;
use crate::strategy::{Inputs, KeyHashes};

/// Chooses what [`select`](crate::select()) chooses from a table that comes in pieces, and holds the chosen rows only.
///
/// Pieces may come in any order, and from several threads. At most twice as many rows are held as the budget allows, in
/// 24 bytes each, and rows that share the last one's score. Fresh memory can cost more time than computing scores, so
/// this is also faster than [`select`](crate::select()) for large tables.
///
/// ```
/// use lobass_core::{Budget, ScoreColumns, ScoreRecord};
/// use lobass_select::{KeyHashes, Request, Sieve, strategies::Lobass};
///
/// struct NoKeys;
/// impl KeyHashes for NoKeys {
/// #   fn of(&self, _: &[u32], _: u64) -> Result<Vec<u64>, Box<dyn std::error::Error + Send + Sync>> { unreachable!() }
/// #   fn of_all(&self, _: u64) -> Result<Vec<u64>, Box<dyn std::error::Error + Send + Sync>> { unreachable!() }
///     // Only rows with equal scores need their keys. No two scores are equal here.
/// }
///
/// let row = |row, reference| ScoreRecord::scored(row, 10, 30.0, reference);
/// let pieces = [[row(0, 29.0), row(1, 6.0)], [row(2, 27.0), row(3, 12.0)]];
/// let sieve = Sieve::new(Request::new(&Lobass, Budget::Rows(2)), 4, 0).expect("scores of single rows");
/// for (first_row, piece) in [0, 2].into_iter().zip(&pieces) {
///     sieve.add(first_row, &ScoreColumns::of(piece, 0))?;
/// }
/// let chosen = sieve.finish(&NoKeys)?.expect("rows with scores");
/// assert_eq!(chosen.selected.iter().map(|one| one.row).collect::<Vec<_>>(), [1, 3]);
/// # Ok::<(), lobass_select::SelectError>(())
/// ```
#[derive(Debug)]
pub struct Sieve<'a> {
    request: Request<'a>,
    direction: Direction,
    n_rows: u64,
    seed: u64,
    /// The worst score that may still be chosen, as far as is known.
    bound: RwLock<Option<Score>>,
    kept: Mutex<Kept>,
}

impl<'a> Sieve<'a> {
    /// A sieve for a request; `None` if the request needs the whole table at once. That is so for strategies whose score
    /// of a row depends on other rows or on more than the table, for any shape, and for sets.
    ///
    /// - `n_rows`: rows of all pieces together
    /// - `seed`: of the order of equal scores
    pub fn new(request: Request<'a>, n_rows: u64, seed: u64) -> Option<Self> {
        let info = request.strategy.info();
        let is_by_row = info.by_row && is_one_ranking(&request) && *request.shape == Shape::ANY;
        is_by_row.then(|| Self {
            request,
            direction: request.direction.unwrap_or(info.direction),
            n_rows,
            seed,
            bound: RwLock::new(None),
            kept: Mutex::new(Kept::new(Limit::of(request.budget, n_rows), n_rows)),
        })
    }

    /// The columns that pieces need, without hashes of keys.
    pub fn columns(&self) -> ColumnSet {
        ColumnSet { ties: false, ..self.request.strategy.needs(None).columns(&[]) }
    }

    /// Adds the rows of a piece.
    ///
    /// # Errors
    /// If the strategy refuses it.
    ///
    /// # Panics
    /// If a row is above [`ScoreColumns::MAX_ROWS`].
    pub fn add(&self, first_row: u64, piece: &ScoreColumns) -> Result<(), SelectError> {
        let strategy = self.request.strategy;
        let fail = |problem| SelectError::new(strategy, problem);
        let mut scores = scores(&Inputs::new(piece), strategy).map_err(fail)?;
        above_ceiling(strategy, &mut scores);
        let bound = *self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let (mut rows, mut n_eligible) = (Vec::new(), 0);
        for (at, score) in scores.iter().enumerate() {
            let Some(score) = score.and_then(Score::new) else { continue };
            n_eligible += 1;
            if bound.is_none_or(|bound| self.direction.compare(score, bound).is_le()) {
                let row = u32::try_from(first_row + at as u64).expect("at most 2^31 rows");
                let rejected = piece.rejected_n_tokens.get(at).copied().unwrap_or_default();
                rows.push(Row { row, score, n_tokens: [piece.n_tokens[at], rejected] });
            }
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = kept.add(&rows, n_eligible, self.direction) {
            *self.bound.write().unwrap_or_else(PoisonError::into_inner) = Some(bound);
        }
        Ok(())
    }

    /// The selection; `None` if no row of any piece has a score. [`select`](crate::select()) says why.
    ///
    /// - `hashes`: read for rows whose order they decide
    ///
    /// # Errors
    /// If hashes cannot be read.
    pub fn finish(self, hashes: &dyn KeyHashes) -> Result<Option<Selection>, SelectError> {
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rows = kept.finish(self.direction);
        if rows.is_empty() {
            return Ok(None);
        }
        let known = Known { strategy: self.request.strategy, rows };
        let hashes = Hashes { rows: &known.rows, of_table: hashes };
        // A share is one of all rows, not of those that are held.
        let budget = self.request.budget.row_limit(self.n_rows).map_or(self.request.budget, Budget::Rows);
        let request = Request { strategy: &known, budget, ..self.request };
        let columns = known.columns(self.seed);
        let selection = select(Inputs::new(&columns).with_late_hashes(&hashes), &request)?.selection;
        let row = |one: Selected| Selected { row: known.row(one.row), ..one };
        Ok(Some(Selection {
            budget: self.request.budget,
            n_rows: self.n_rows,
            n_eligible: kept.n_eligible(),
            selected: selection.selected.into_iter().map(row).collect(),
            ..selection
        }))
    }
}

#[cfg(test)]
mod tests;
