//! A column of numbers, some of which are missing.

use std::ops::Range;

/// A number or none for every row, in 8 bytes a row: what is no number is missing.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Vec<f64>);

impl Numbers {
    /// A column without rows.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A column in which every number is missing.
    pub fn missing(len: usize) -> Self {
        Self(vec![f64::NAN; len])
    }

    /// An empty column with room for `len` rows.
    pub fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Rows, with and without a number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a row; `None` if it is missing, or the column ends before.
    #[inline]
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().filter(|number| !number.is_nan())
    }

    /// Gives a row that is there another number.
    ///
    /// # Panics
    /// If the column ends before.
    #[inline]
    pub fn set(&mut self, row: usize, number: Option<f64>) {
        self.0[row] = number.unwrap_or(f64::NAN);
    }

    /// Every row's number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<f64>> + Clone {
        self.0.iter().map(|number| (!number.is_nan()).then_some(*number))
    }

    /// The numbers of a range of rows.
    ///
    /// # Panics
    /// If the column ends before.
    pub fn of_rows(&self, rows: Range<usize>) -> impl ExactSizeIterator<Item = Option<f64>> + Clone {
        self.0[rows].iter().map(|number| (!number.is_nan()).then_some(*number))
    }

    /// Whether any row has a number.
    pub fn has_any(&self) -> bool {
        self.iter().any(|number| number.is_some())
    }

    /// Cuts it, or fills it up with missing numbers.
    pub fn resize(&mut self, len: usize) {
        self.0.resize(len, f64::NAN);
    }

    /// Adds the rows of another column at the end.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// NaN is a missing number.
impl From<Vec<f64>> for Numbers {
    fn from(numbers: Vec<f64>) -> Self {
        Self(numbers)
    }
}

impl FromIterator<Option<f64>> for Numbers {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect())
    }
}

impl Extend<Option<f64>> for Numbers {
    fn extend<I: IntoIterator<Item = Option<f64>>>(&mut self, numbers: I) {
        self.0.extend(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_missing() {
        let mut numbers: Numbers = [Some(1.5), None, Some(f64::NAN), Some(-0.0)].into_iter().collect();
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1.5), None, None, Some(0.0)]);
        assert_eq!((numbers.get(0), numbers.get(2), numbers.get(9)), (Some(1.5), None, None));
        assert_eq!(numbers.clone(), numbers);
        assert!(numbers.has_any() && !Numbers::missing(3).has_any());
        numbers.append(&Numbers::missing(1));
        numbers.resize(7);
        numbers.set(6, Some(2.0));
        assert_eq!((numbers.len(), numbers.get(4), numbers.get(6)), (7, None, Some(2.0)));
    }
}
