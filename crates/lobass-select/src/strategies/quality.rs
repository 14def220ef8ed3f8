//! Ratings that come with the data.

use lobass_core::{Direction, Numbers};

use crate::shape::LeftOut;
use crate::strategy::{Inputs, Need, Problem, Ratings, Strategy, StrategyInfo};

/// A rating that the data brings, the highest; or all that are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality;

impl Strategy for Quality {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Rating],
            ..StrategyInfo::new(
                "quality",
                Direction::Descending,
                "a rating that the data brings",
                "AlpaGasus, arXiv 2307.08701",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let Ratings { values, at_least } = inputs.ratings()?;
        let is_enough = |rating: &f64| at_least.is_none_or(|least| *rating >= least);
        Ok(inputs.each(|row| values.get(row).filter(is_enough)))
    }

    fn unscored(&self, inputs: &Inputs<'_>, _: u64) -> Vec<LeftOut> {
        let Ok(Ratings { values, at_least }) = inputs.ratings() else { return Vec::new() };
        let statuses = inputs.columns().statuses.iter().enumerate();
        let rows: Vec<usize> =
            statuses.filter(|(_, status)| status.is_eligible()).map(|(row, _)| row).collect();
        let count = |is: &dyn Fn(f64) -> bool| {
            rows.iter().filter(|&&row| values.get(row).is_some_and(is)).count() as u64
        };
        let below = |rating: f64| rating.is_finite() && at_least.is_some_and(|least| rating < least);
        let left_out = |why: String, n_rows| LeftOut { why, n_rows };
        let mut all = vec![
            left_out("without a rating".to_owned(), rows.len() as u64 - count(&|_| true)),
            left_out("a rating that is not finite".to_owned(), count(&f64::is_infinite)),
        ];
        all.extend(at_least.map(|least| left_out(format!("a rating below {least}"), count(&below))));
        all
    }
}
