//! Losses of rows under a base and its references, as drops.

use lobass_core::Numbers;
use lobass_evidence::Ratio;

use crate::Error;

/// How far the loss of every row fell from the base to each reference. Rows are known by their place in the pool.
#[derive(Debug, Clone, Copy)]
pub struct Losses<'a> {
    /// The tokens that each sum is over.
    pub n_tokens: &'a [u32],
    /// By reference: the sum of the losses under the base minus that under the reference, in nats.
    pub drops: &'a [Numbers],
    /// A hash of each row's key. Rows are drawn in the order of their hashes, so the order of the file changes nothing.
    pub hashes: &'a [u64],
}

impl Losses<'_> {
    /// Checks that there is a reference, and that all columns have as many rows.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.drops.is_empty() {
            return Err(Error::NoReference);
        }
        let expected = self.n_tokens.len();
        let lengths = self.drops.iter().map(Numbers::len).chain([self.hashes.len()]);
        match lengths.into_iter().find(|&found| found != expected) {
            Some(found) => Err(Error::Lengths { expected, found }),
            None => Ok(()),
        }
    }

    /// Whether a row has tokens, and a finite loss under all models.
    pub(crate) fn has(&self, row: u32) -> bool {
        let at = row as usize;
        self.n_tokens.get(at).is_some_and(|&n| n > 0)
            && self.drops.iter().all(|drops| drops.get(at).is_some_and(f64::is_finite))
    }

    /// The drop of a row in nats per token, the mean over the references.
    pub(crate) fn per_token(&self, row: u32) -> f64 {
        let at = row as usize;
        let sum: f64 = self.drops.iter().filter_map(|drops| drops.get(at)).sum();
        sum / self.drops.len() as f64 / f64::from(self.n_tokens[at])
    }

    /// For every reference, the drop and the tokens of each of some rows.
    pub(crate) fn by_token(&self, rows: &[u32]) -> Vec<Vec<Ratio>> {
        self.ratios(rows, |sum, n_tokens| Ratio { sum, count: n_tokens })
    }

    /// For every reference, the drop and the loss under the base of each of some rows that have one above 0.
    pub(crate) fn by_base(&self, rows: &[u32], base: &Numbers) -> Vec<Vec<Ratio>> {
        let rows: Vec<(usize, f64)> = rows
            .iter()
            .filter_map(|&row| Some((row as usize, base.get(row as usize)?)))
            .filter(|(_, base)| *base > 0.0 && base.is_finite())
            .collect();
        let of_row = |drops: &Numbers, &(at, base): &(usize, f64)| Ratio {
            sum: drops.get(at).unwrap_or_default(),
            count: base,
        };
        self.drops.iter().map(|drops| rows.iter().map(|row| of_row(drops, row)).collect()).collect()
    }

    /// For every reference, the mean drop of each of some rows, so that all rows count alike.
    pub(crate) fn by_row(&self, rows: &[u32]) -> Vec<Vec<Ratio>> {
        self.ratios(rows, |sum, n_tokens| Ratio { sum: sum / n_tokens, count: 1.0 })
    }

    fn ratios(&self, rows: &[u32], ratio: impl Fn(f64, f64) -> Ratio) -> Vec<Vec<Ratio>> {
        let of_row = |drops: &Numbers, row: u32| {
            let at = row as usize;
            ratio(drops.get(at).unwrap_or_default(), self.n_tokens[at].into())
        };
        self.drops.iter().map(|drops| rows.iter().map(|&row| of_row(drops, row)).collect()).collect()
    }

    /// Rows in the order of their hashes.
    pub(crate) fn in_order(&self, rows: &mut [u32]) {
        rows.sort_unstable_by_key(|&row| (self.hashes[row as usize], row));
    }
}
