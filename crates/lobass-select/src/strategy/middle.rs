//! The middle of another strategy's scores.

use lobass_core::{Direction, Numbers};

use super::definition::Strategy;
use super::info::StrategyInfo;
use super::inputs::Inputs;
use super::problem::Problem;
use crate::order::ascending;

/// Another strategy, of which the rows around the median score are the best.
///
/// It has that strategy's name and needs. Only strategies that choose by rank have a middle.
#[derive(Debug, Clone, Copy)]
pub struct MiddleOf<'a>(pub &'a dyn Strategy);

impl Strategy for MiddleOf<'_> {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            direction: Direction::Ascending,
            score: "distance from the median score, in ranks (0 to 1)",
            by_row: false,
            shrinks: false,
            ceiling: None,
            shown_from: None,
            claims: &[],
            ..self.0.info()
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let scores = self.0.scores(inputs)?;
        // Ranks are those among rows that may be selected.
        Ok(from_the_middle(inputs.each(|row| scores.get(row))))
    }
}

/// Turns scores into their distance from the middle rank: 0 for the median, 1 for both ends. `n log n`.
pub(crate) fn from_the_middle(mut scores: Numbers) -> Numbers {
    // Adding zero makes -0.0 and 0.0 the same, as comparing scores does.
    let order = ascending(scores.len(), |row| Some(scores.get(row)? + 0.0));
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut first = 0;
    while first < order.len() {
        // Equal numbers have one rank, the mean of theirs, so that their place in the file does not matter.
        let number = scores.get(order[first] as usize);
        let same = order[first..].iter().take_while(|&&row| scores.get(row as usize) == number).count();
        let twice_the_rank = (2 * first + same - 1) as f64;
        for &row in &order[first..first + same] {
            scores.set(row as usize, Some((twice_the_rank / last - 1.0).abs()));
        }
        first += same;
    }
    scores
}

#[cfg(test)]
mod tests {
    use lobass_core::{Budget, RowStatus, ScoreColumns, ScoreRecord};

    use super::*;
    use crate::strategies::{Longest, PerplexityHigh, PerplexityMiddle};
    use crate::{Request, select};

    #[test]
    fn the_middle_is_that_of_rows_that_may_be_selected() {
        let record =
            |row: u64, n_scored: u32| ScoreRecord::scored(row, n_scored, f64::from(n_scored * n_scored), 1.0);
        let mut records: Vec<ScoreRecord> =
            [5, 9, 1, 7, 3, 20, 30].into_iter().zip(0..).map(|(length, row)| record(row, length)).collect();
        // Without these, 5 is the median.
        records[5].status = RowStatus::HeldOut;
        records[6].status = RowStatus::HeldOut;
        let columns = ScoreColumns::of(&records, 0);
        let chosen = |strategy: &dyn Strategy, n| {
            let chosen = select(&columns, &Request::new(strategy, Budget::Rows(n))).unwrap();
            let mut rows: Vec<u64> = chosen.selection.selected.iter().map(|selected| selected.row).collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(chosen(&MiddleOf(&Longest), 1), [0]);
        assert_eq!(chosen(&MiddleOf(&Longest), 3), [0, 3, 4]);
        assert_eq!(MiddleOf(&Longest).name(), "longest");
        // There was one before, with the same rows.
        assert_eq!(chosen(&MiddleOf(&PerplexityHigh), 3), chosen(&PerplexityMiddle, 3));
    }
}
