//! LARK (arXiv 2605.30651): which of several responses to a prompt a model would learn fastest, from one pass.

use lobass_core::{Direction, ModelRole, Numbers, ScoreColumns};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// The gain in loss from a step on the row, of the best response to each prompt, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lark;

impl Strategy for Lark {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Brier, Need::Prompts],
            ..StrategyInfo::new(
                "lark",
                Direction::Descending,
                "gain in loss from a step on the row, within the responses to its prompt",
                "LARK, arXiv 2605.30651, without its weights",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let gains = gains(inputs.columns(), inputs.prompts()?);
        if gains.has_any() { Ok(gains) } else { Err(Problem::Missing(Need::Prompts)) }
    }
}

/// The gain of each row within the responses to its prompt, `(L_i / S) (2 rho_i - sum(rho_j L_j) / S)`.
///
/// `L` is the mean cross entropy, `rho` the mean Brier loss divided by it, and `S` the sum of all `L` of the prompt.
/// The gain is missing where a loss is missing, or where all losses of a prompt are zero.
///
/// `rho` is about how fast a row's loss falls in training, and `L / S` how much of the prompt's loss is its own. LARK's
/// code sums the squares of the fifty most likely tokens; these are of the whole vocabulary. Linear in the rows.
///
/// - `prompts`: of each row a number that rows with the same prompt share, below the number of rows
fn gains(columns: &ScoreColumns, prompts: &[u32]) -> Numbers {
    let (base, brier) = (columns.losses(ModelRole::Base), columns.losses(ModelRole::BaseBrier));
    let means = |row: usize| {
        let n_scored = f64::from(columns.n_scored[row]);
        let is_there = columns.statuses[row].is_eligible() && n_scored > 0.0;
        Some((base.get(row)? / n_scored, brier.get(row)? / n_scored)).filter(|_| is_there)
    };
    let mut sums = vec![(0.0, 0.0); columns.len()];
    for (row, &prompt) in prompts.iter().enumerate() {
        if let Some((loss, brier)) = means(row) {
            let sum = &mut sums[prompt as usize];
            *sum = (sum.0 + loss, sum.1 + brier);
        }
    }
    let gain = |(row, &prompt): (usize, &u32)| {
        let (loss, brier) = means(row)?;
        let (losses, briers) = sums[prompt as usize];
        // L rho is the mean Brier loss itself, so nothing is divided by a loss of nothing.
        (losses > 0.0).then(|| 2.0 * brier / losses - loss * briers / (losses * losses))
    };
    prompts.iter().enumerate().map(gain).collect()
}

#[cfg(test)]
mod tests {
    use lobass_core::RowStatus;

    use super::*;

    fn pool(rows: &[(f64, f64)]) -> ScoreColumns {
        let column = |of: fn(&(f64, f64)) -> f64| rows.iter().map(|row| Some(of(row))).collect::<Numbers>();
        ScoreColumns {
            statuses: vec![RowStatus::Ok; rows.len()],
            n_scored: vec![2; rows.len()],
            losses: [
                (ModelRole::Base.to_string(), column(|row| row.0)),
                (ModelRole::BaseBrier.to_string(), column(|row| row.1)),
            ]
            .into(),
            ..ScoreColumns::default()
        }
    }

    #[test]
    fn it_is_the_formula() {
        let rows = [(4.0, 1.2), (1.0, 0.8), (6.0, 1.9), (3.0, 1.0), (0.0, 0.0)];
        let prompts = [0, 0, 0, 3, 4];
        let found = gains(&pool(&rows), &prompts);
        let mean: Vec<(f64, f64)> = rows.iter().map(|(loss, brier)| (loss / 2.0, brier / 2.0)).collect();
        let of = |members: &[usize], row: usize| {
            let s: f64 = members.iter().map(|&row| mean[row].0).sum();
            let rho = |row: usize| mean[row].1 / mean[row].0;
            let weighted: f64 = members.iter().map(|&row| rho(row) * mean[row].0).sum();
            (mean[row].0 / s) * (2.0 * rho(row) - weighted / s)
        };
        for row in 0..3 {
            assert!((found.get(row).unwrap() - of(&[0, 1, 2], row)).abs() < 1e-12, "row {row}");
        }
        // Alone it is rho, and of no loss there is nothing to say.
        assert!((found.get(3).unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(found.get(4), None);
    }
}
