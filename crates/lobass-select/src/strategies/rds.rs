//! RDS+: rows that resemble a query.

use lobass_core::{Direction, Numbers};

use crate::diverse::{Vectors, query_scores};
use crate::strategy::{Inputs, Need, Problem, Queries, Strategy, StrategyInfo};

/// The largest cosine of a row's vector to those of the queries, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rds;

impl Strategy for Rds {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Queries],
            ..StrategyInfo::new(
                "rds",
                Direction::Descending,
                "largest cosine of the row's pooled hidden state to those of the queries",
                "RDS+, arXiv 2503.01807",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let Queries { rows, tasks } = inputs.queries()?;
        let eligible =
            inputs.columns().statuses.iter().zip(0u32..).filter(|(status, _)| status.is_eligible());
        let eligible: Vec<u32> = eligible.map(|(_, row)| row).collect();
        let queries: Vec<f32> = tasks.iter().flat_map(|task| task.values()).copied().collect();
        let cosines = query_scores(rows, &eligible, Vectors::new(&queries, rows.dim()), inputs.threads());
        if !cosines.has_any() {
            return Err(Problem::Missing(Need::Queries)); // no row or no query has a direction
        }
        Ok(cosines)
    }
}
