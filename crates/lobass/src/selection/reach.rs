//! `--min-scored` and `--min-rating` that no row reaches. Both can be checked before anything is scored.

use lobass_core::readable::counted;
use lobass_core::{Numbers, ScoreColumns};
use lobass_run::WorkDir;
use lobass_select::Need;

use super::early::{Expected, ratings_of};
use crate::error::{Result, bail};
use crate::settings::SelectSettings;

/// Checks that a row of a score table has as many scored tokens as settings ask for.
///
/// # Errors
/// If rows could be chosen, and none has enough.
pub fn check_scored(settings: &SelectSettings, columns: &ScoreColumns) -> Result<()> {
    Bounds::of(settings, None).check(in_table(columns))
}

/// Checks that a row of a score table has enough scored tokens and a rating that is high enough.
pub(super) fn check_rated(
    settings: &SelectSettings,
    columns: &ScoreColumns,
    ratings: Option<&Numbers>,
) -> Result<()> {
    Bounds::of(settings, ratings).check(in_table(columns))
}

/// Whether settings ask for rows by what [`check_tokenized`] looks at.
pub fn reads_bounds(settings: &SelectSettings) -> bool {
    settings.shape.min_scored.is_some() || settings.min_rating.is_some()
}

/// Checks that a tokenized row has enough scored tokens and a rating that is high enough.
///
/// # Errors
/// If rows could be chosen, and none has enough; if the directory or the ratings cannot be read.
pub fn check_tokenized(settings: &SelectSettings, table: &Expected<'_>, work: &WorkDir) -> Result<()> {
    if !reads_bounds(settings) {
        return Ok(());
    }
    let rates =
        settings.min_rating.is_some() && settings.needs(settings.strategies()?)?.contains(Need::Rating);
    let ratings = if rates { ratings_of(settings, table)? } else { None };
    let mut rows = Vec::new();
    for &shard in &work.plan().shards {
        let of_shard = work.sequences_of(shard)?;
        rows.extend(of_shard.into_iter().map(|(row, sequence)| (row, sequence.n_scored() as u64)));
    }
    Bounds::of(settings, ratings.as_ref()).check(rows.into_iter())
}

/// The scored tokens of each row of a table that may be chosen.
fn in_table(columns: &ScoreColumns) -> impl Iterator<Item = (u64, u64)> + '_ {
    let rows = columns.statuses.iter().zip(&columns.n_scored);
    let rows = (0u64..).zip(rows).filter(|(_, (status, _))| status.is_eligible());
    rows.map(|(row, (_, &n_scored))| (row, u64::from(n_scored)))
}

/// What a row must have.
struct Bounds<'a> {
    n_scored: Option<u64>,
    rating: Option<(f64, &'a Numbers)>,
}

impl<'a> Bounds<'a> {
    fn of(settings: &SelectSettings, ratings: Option<&'a Numbers>) -> Self {
        Self { n_scored: settings.shape.min_scored.map(u64::from), rating: settings.min_rating.zip(ratings) }
    }

    /// - `rows`: the position and the scored tokens of each row that may be chosen
    fn check(&self, rows: impl Iterator<Item = (u64, u64)>) -> Result<()> {
        let (mut n_rows, mut n_short) = (0, 0);
        let (mut longest, mut highest) = (0, None::<f64>);
        for (row, n_scored) in rows {
            let rating =
                |ratings: &Numbers| ratings.get(usize::try_from(row).ok()?).filter(|r| r.is_finite());
            let is_long = self.n_scored.is_none_or(|least| n_scored >= least);
            let is_good =
                self.rating.is_none_or(|(least, of)| rating(of).is_some_and(|found| found >= least));
            if is_long && is_good {
                return Ok(());
            }
            n_rows += 1;
            n_short += u64::from(!is_long);
            longest = longest.max(n_scored);
            let found = self.rating.and_then(|(_, of)| rating(of));
            highest = highest.into_iter().chain(found).reduce(f64::max);
        }
        if n_rows == 0 {
            return Ok(()); // scoring says why
        }
        let mut why = Vec::new();
        if let Some(least) = self.n_scored.filter(|_| n_short > 0) {
            why.push(format!("{n_short} (fewer than {least} scored tokens; a row has at most {longest})"));
        }
        if let Some((least, _)) = self.rating.filter(|_| n_short < n_rows) {
            let found =
                highest.map_or("no row has one".to_owned(), |found| format!("the highest is {found}"));
            why.push(format!("{} (a rating below {least}, or none; {found})", n_rows - n_short));
        }
        let rows = counted(n_rows, "row");
        bail!(Selection, "expected candidates, found none among {rows}: all are left out: {}", why.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(n_scored: Option<u64>, least: Option<f64>, rows: &[(u64, u64)]) -> Option<String> {
        let ratings: Numbers = [Some(4.0), None, Some(2.5), Some(f64::INFINITY)].into_iter().collect();
        let bounds = Bounds { n_scored, rating: least.map(|least| (least, &ratings)) };
        bounds.check(rows.iter().copied()).err().map(|error| error.to_string())
    }

    #[test]
    fn one_row_has_to_have_both() {
        let rows = [(0, 3), (1, 9), (2, 9), (3, 9)];
        for (n_scored, least) in [(None, None), (Some(9), None), (None, Some(4.0)), (Some(9), Some(2.5))] {
            assert_eq!(fault(n_scored, least, &rows), None, "{n_scored:?} {least:?}");
        }
        let none = "expected candidates, found none among 4 rows: all are left out:";
        let of = |n_scored, least| fault(n_scored, least, &rows).unwrap();
        assert_eq!(
            of(Some(10), None),
            format!("{none} 4 (fewer than 10 scored tokens; a row has at most 9)")
        );
        assert_eq!(of(None, Some(5.0)), format!("{none} 4 (a rating below 5, or none; the highest is 4)"));
        assert_eq!(
            of(Some(4), Some(4.0)),
            format!(
                "{none} 1 (fewer than 4 scored tokens; a row has at most 9), 3 (a rating below 4, or none; the highest is 4)"
            )
        );
        assert!(fault(None, Some(0.0), &[(1, 9)]).unwrap().contains("no row has one"));
        assert_eq!(fault(Some(10), Some(5.0), &[]), None, "without rows, scoring says why");
    }
}
