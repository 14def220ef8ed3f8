//! What an interval says.

use std::fmt;

use serde::Serialize;

/// What fine-tuning did to the loss of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It fell: the whole interval is above the margin.
    Learned,
    /// The interval reaches the margin on neither side, or includes it.
    Unchanged,
    /// It rose: the whole interval is below minus the margin.
    Worse,
    /// There are too few rows for an interval.
    TooFew,
}

impl Verdict {
    /// The verdict of an interval of drops.
    ///
    /// - `margin`: the smallest drop or rise that counts, in nats; with 0, an interval that includes zero is unchanged
    pub fn of(interval: Option<(f64, f64)>, margin: f64) -> Self {
        match interval {
            None => Self::TooFew,
            Some((low, _)) if low > margin => Self::Learned,
            Some((_, high)) if high < -margin => Self::Worse,
            Some(_) => Self::Unchanged,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Unchanged => "unchanged",
            Self::Worse => "worse",
            Self::TooFew => "too few rows",
        }
    }

    /// Whether there are enough rows for a verdict.
    pub fn is_judged(self) -> bool {
        self != Self::TooFew
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_decides_without_a_margin() {
        let of = |low, high| Verdict::of(Some((low, high)), 0.0);
        assert_eq!([of(0.1, 0.2), of(-0.2, -0.1)], [Verdict::Learned, Verdict::Worse]);
        assert_eq!([of(-0.1, 0.1), of(0.0, 0.0), of(0.0, 0.1)], [Verdict::Unchanged; 3]);
        assert_eq!(Verdict::of(None, 0.0), Verdict::TooFew);
    }

    #[test]
    fn a_margin_is_to_be_passed_by_the_whole_interval() {
        let of = |low, high| Verdict::of(Some((low, high)), 0.05);
        assert_eq!([of(0.06, 0.2), of(-0.2, -0.06)], [Verdict::Learned, Verdict::Worse]);
        assert_eq!([of(0.04, 0.2), of(-0.2, -0.04)], [Verdict::Unchanged; 2]);
    }
}
