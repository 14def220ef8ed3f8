//! One number per example, and which end of it is the good one.

use std::cmp::Ordering;
use std::fmt;

/// A finite score of one example. `None` stands for a missing score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score(f64);

impl Score {
    /// Wraps a finite number; `None` for NaN and infinities.
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        // Finite by construction; adding zero makes -0.0 and 0.0 the same, as `==` has it.
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which scores are kept first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// High scores first.
    Descending,
    /// Low scores first.
    Ascending,
}

impl Direction {
    /// Compares so that the better score comes first.
    pub fn compare(self, left: Score, right: Score) -> Ordering {
        match self {
            Self::Descending => right.cmp(&left),
            Self::Ascending => left.cmp(&right),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Descending => "descending",
            Self::Ascending => "ascending",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_are_scores() {
        assert!(Score::new(f64::NAN).is_none());
        assert!(Score::new(f64::INFINITY).is_none());
        assert_eq!(Score::new(0.5).unwrap().value(), 0.5);
    }

    #[test]
    fn order_agrees_with_equality_at_zero() {
        let (minus, plus) = (Score::new(-0.0).unwrap(), Score::new(0.0).unwrap());
        assert_eq!(minus, plus);
        assert_eq!(minus.cmp(&plus), Ordering::Equal);
    }

    #[test]
    fn direction_puts_the_better_first() {
        let (low, high) = (Score::new(-1.0).unwrap(), Score::new(2.0).unwrap());
        assert_eq!(Direction::Descending.compare(high, low), Ordering::Less);
        assert_eq!(Direction::Ascending.compare(low, high), Ordering::Less);
    }
}
