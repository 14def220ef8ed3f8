//! How much of a score is what the reference learned by heart.
//!
//! A reference has seen the rows that it scores. Its loss on them falls for two reasons: it has learned what they have
//! in common with others, and it has memorized them. Cross-fitted references tell the two apart, since each row has a
//! loss under some that have seen it and under some that have not. If the difference is large, a reference that saw the
//! whole pool ranks rows by how easily they are memorized.

use lobass_core::{ColumnSet, Numbers, ScoreColumns};

use crate::agreement::{Agreement, RankedAs, agreement};
use crate::strategies::lobass::relative;

/// The losses under references that have seen a row, beside those under references that have not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memorization {
    /// Eligible rows with both losses.
    pub n_rows: u64,
    /// `1 - sum L_ref / sum L_base` over those rows, under references that were trained on them.
    pub in_sample: f64,
    /// The mean under references that were not trained on the row.
    pub out_of_sample: f64,
    /// The first minus the second: the share of the loss that is gone by memory alone.
    pub difference: f64,
    /// How far the LoBaSS scores from both agree, row by row.
    pub agreement: Agreement,
}

/// The columns of a score table that [`memorization`] reads.
pub fn memorization_columns() -> ColumnSet {
    ColumnSet::of_losses(["base", "reference", "in_sample"])
}

/// Compares the losses of cross-fitted references in sample and out of sample, and the first rows of the ranking under
/// either; `None` if no row has both.
///
/// Rows count by their tokens: the sums are over all tokens of all rows, so a few short rows decide nothing.
pub fn memorization(columns: &ScoreColumns, ranked: &RankedAs<'_>) -> Option<Memorization> {
    let sums = ["base", "reference", "in_sample"].map(|name| columns.losses(name));
    let (mut n_rows, mut base, mut seen, mut unseen) = (0, 0.0, 0.0, 0.0);
    let mut in_sample = Numbers::missing(columns.len());
    let mut out_of_sample = Numbers::missing(columns.len());
    for row in (0..columns.len()).filter(|&row| columns.statuses[row].is_eligible()) {
        let [Some(of_base), Some(of_unseen), Some(of_seen)] = sums.map(|sums| sums.get(row)) else {
            continue;
        };
        n_rows += 1;
        base += of_base;
        seen += of_seen;
        unseen += of_unseen;
        in_sample.set(row, ranked.score(row, of_base, of_seen));
        out_of_sample.set(row, ranked.score(row, of_base, of_unseen));
    }
    Some(Memorization {
        n_rows,
        in_sample: relative(base, seen)?,
        out_of_sample: relative(base, unseen)?,
        difference: relative(base, seen)? - relative(base, unseen)?,
        agreement: agreement(columns, &in_sample, &out_of_sample, ranked.k, ranked.direction())?,
    })
}

#[cfg(test)]
mod tests {
    use lobass_core::{ExampleKey, Nll, RowStatus, ScoreRecord};

    use super::*;

    fn record(row: u64, base: f64, unseen: f64, seen: Option<f64>) -> ScoreRecord {
        ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            in_sample: seen.map(|sum| Nll { sum, n_scored: 2 }),
            fold: Some(0),
            ..ScoreRecord::scored(row, 2, base, unseen)
        }
    }

    fn of(pool: &[ScoreRecord]) -> Option<Memorization> {
        memorization(&ScoreColumns::of(pool, 0), &RankedAs { k: 1, ..RankedAs::default() })
    }

    #[test]
    fn by_hand() {
        let pool = [
            record(0, 10.0, 8.0, Some(1.0)),
            record(1, 30.0, 12.0, Some(9.0)),
            record(2, 10.0, 5.0, Some(5.0)),
            record(3, 99.0, 1.0, None),
            ScoreRecord { status: RowStatus::HeldOut, ..record(4, 99.0, 1.0, Some(2.0)) },
        ];
        let found = of(&pool).unwrap();
        assert_eq!(found.n_rows, 3);
        // 1 - 15 / 50 and 1 - 25 / 50; a mean of the ratios out of sample, .2, .6, and .5, would say .43.
        assert!((found.in_sample - 0.7).abs() < 1e-12);
        assert!((found.out_of_sample - 0.5).abs() < 1e-12);
        assert!((found.difference - 0.2).abs() < 1e-12);
        // In sample row 0 is best, out of sample it is last.
        assert_eq!((found.agreement.n_rows, found.agreement.overlap), (3, 0.0));
        assert!((found.agreement.spearman.unwrap() + 0.5).abs() < 1e-12);
    }

    #[test]
    fn without_both_there_is_nothing_to_compare() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[record(0, 2.0, 1.0, None)]), None);
        assert_eq!(of(&[record(0, 0.0, 0.0, Some(0.0))]), None, "no loss, no share of it");
    }
}
