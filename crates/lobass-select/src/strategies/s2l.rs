//! S2L: equal shares of clusters of rows whose losses went alike in training.

use lobass_core::{Direction, Numbers};

use crate::strategy::{Choice, Features, Inputs, Need, Problem, Strategy, StrategyInfo};

/// Equal shares of clusters of rows, by the mean loss under the base and after each epoch; the smallest clusters first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S2l;

impl Strategy for S2l {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Trajectory],
            ..StrategyInfo::new(
                "s2l",
                Direction::Ascending,
                "number of the row's cluster, by how its loss went in training, the smallest first",
                "S2L, arXiv 2403.07384",
            )
        }
    }

    /// 0 for every row that has all losses, until it has a cluster.
    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let losses: Vec<&Numbers> = inputs.epochs()?.iter().map(|name| inputs.losses(name)).collect();
        Ok(inputs.each(|row| losses.iter().all(|losses| losses.get(row).is_some()).then_some(0.0)))
    }

    fn choice(&self) -> Choice<'_> {
        Choice::Clusters(self)
    }
}

impl Features for S2l {
    /// The mean loss of a row under each model of the training; NaN where there is none.
    fn features(&self, inputs: &Inputs<'_>) -> Result<(Vec<f32>, usize), Problem> {
        let (columns, epochs) = (inputs.columns(), inputs.epochs()?);
        let losses: Vec<&Numbers> = epochs.iter().map(|name| inputs.losses(name)).collect();
        let mean = |losses: &Numbers, row: usize| -> f32 {
            let mean = losses.get(row).map_or(f64::NAN, |sum| sum / f64::from(columns.n_scored[row].max(1)));
            #[expect(clippy::cast_possible_truncation, reason = "a coordinate, to 24 bits")]
            let coordinate = mean as f32;
            coordinate
        };
        let values = (0..columns.len()).flat_map(|row| losses.iter().map(move |losses| mean(losses, row)));
        Ok((values.collect(), epochs.len()))
    }
}
