//! Where choosing ends.

/// Where choosing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit<'a> {
    /// After this number of rows.
    Rows(usize),
    /// Before the first row with which those before it have more tokens, as everywhere in lobass.
    Tokens {
        /// So many tokens.
        budget: u64,
        /// The tokens of every row of the pool.
        of: &'a [u32],
    },
}

impl Limit<'_> {
    /// Takes a row off the limit; false if it does not fit.
    pub(super) fn admit(&mut self, row: u32) -> bool {
        match self {
            Self::Rows(left) => match left.checked_sub(1) {
                Some(less) => {
                    *left = less;
                    true
                }
                None => false,
            },
            Self::Tokens { budget, of } => match budget.checked_sub(of[row as usize].into()) {
                Some(less) => {
                    *budget = less;
                    true
                }
                None => false,
            },
        }
    }

    /// The most rows that can follow.
    pub(super) fn at_most(&self, n_rows: usize) -> usize {
        match self {
            Self::Rows(left) => n_rows.min(*left),
            Self::Tokens { .. } => n_rows,
        }
    }
}
