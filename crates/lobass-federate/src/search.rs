//! The search for the place where a common budget ends.

use lobass_core::Budget;

use crate::{Border, Count, Place, Taken, Totals};

/// An owner as it is asked: [`Owner`](crate::Owner) itself, or one at the other end of a line.
pub trait Party {
    /// Why there is no answer.
    type Error;

    /// How many rows there are.
    ///
    /// # Errors
    /// If there is no answer.
    fn totals(&mut self) -> Result<Totals, Self::Error>;

    /// The rows before a place.
    ///
    /// # Errors
    /// If there is no answer.
    fn before(&mut self, place: Place) -> Result<Count, Self::Error>;

    /// Keeps rows at this very place, in the order of the owner's table, until one does not fit into what is left.
    ///
    /// # Errors
    /// If there is no answer.
    fn take(&mut self, place: Place, left: Count) -> Result<Taken, Self::Error>;
}

/// Finds where a budget ends. At most 128 rounds of one question to each owner, and fewer for rows: once as many as asked
/// for are before a place, nothing more is asked.
///
/// The rows that the owners keep are those that one selection of the joined table keeps. The joined table has the rows of
/// the first owner, then those of the second, and so on. A share is one of all rows of all owners. If an owner
/// rounds its answers, the budget is not exceeded, and the selection is only nearly that one.
///
/// # Errors
/// If an owner does not answer.
pub fn find_border<P: Party>(owners: &mut [P], budget: Budget) -> Result<Border, P::Error> {
    let totals = owners.iter_mut().map(Party::totals).collect::<Result<Vec<_>, _>>()?;
    let limit = limit(budget, totals.iter().map(|totals| totals.n_rows).sum());
    if fits(totals.iter().map(|totals| totals.eligible).sum(), limit) {
        return Ok(Border::All);
    }
    let (mut first, mut last) = (Place::FIRST, Place::LAST);
    while first < last {
        let middle = first.between(last);
        let found = before(owners, middle)?;
        if found.rows == limit.rows {
            return Ok(Border::Before { place: middle, at_it: vec![0; owners.len()] });
        }
        match fits(found, limit) {
            true => first = middle,
            false => last = middle.before(),
        }
    }
    let is_rounded = totals.iter().any(|totals| totals.min_count > 1);
    let at_it = match is_rounded {
        true => vec![0; owners.len()],
        false => at_border(owners, first, limit)?,
    };
    Ok(Border::Before { place: first, at_it })
}

/// Rows at the border itself, owner by owner: those that fit.
fn at_border<P: Party>(owners: &mut [P], place: Place, limit: Count) -> Result<Vec<u64>, P::Error> {
    let used = before(owners, place)?;
    let mut left = Count { rows: limit.rows - used.rows, tokens: limit.tokens - used.tokens };
    let mut at_it = Vec::with_capacity(owners.len());
    for owner in owners.iter_mut() {
        let Taken { count, is_full } = owner.take(place, left)?;
        at_it.push(count.rows);
        left = Count { rows: left.rows - count.rows, tokens: left.tokens - count.tokens };
        if is_full {
            break; // ranking stops before the first row that does not fit
        }
    }
    at_it.resize(owners.len(), 0);
    Ok(at_it)
}

fn before<P: Party>(owners: &mut [P], place: Place) -> Result<Count, P::Error> {
    owners.iter_mut().map(|owner| owner.before(place)).sum()
}

/// What fits into a budget.
fn limit(budget: Budget, n_rows: u64) -> Count {
    match budget {
        Budget::Tokens(tokens) => Count { rows: u64::MAX, tokens },
        Budget::Fraction(_) | Budget::Rows(_) => {
            Count { rows: budget.row_limit(n_rows).unwrap_or(u64::MAX), tokens: u64::MAX }
        }
    }
}

fn fits(count: Count, limit: Count) -> bool {
    count.rows <= limit.rows && count.tokens <= limit.tokens
}
