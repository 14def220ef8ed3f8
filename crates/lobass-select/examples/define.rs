//! A strategy of your own: the rows that a reference got wrong in spite of training, rated by how much.
//!
//! It is selected by in the same way as those that lobass brings, with budgets, guards, and quotas.
//!
//! Run with `cargo run -p lobass-select --example define`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Budget, Direction, Numbers, ScoreColumns, ScoreRecord};
use lobass_select::strategies::Lobass;
use lobass_select::{
    Guards, Inputs, Need, Problem, Request, SelectError, Shape, Strategy, StrategyInfo, select, summarize,
};

/// The loss that is left after training, in nats per scored token, of rows whose loss fell by a share at least.
struct StillHard {
    least_share: f64,
}

impl Strategy for StillHard {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Reference],
            ..StrategyInfo::new(
                "still-hard",
                Direction::Descending,
                "loss under the reference per scored token, where training helped",
                "this example",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        // A part of the score is that of another strategy.
        let helped = Lobass.scores(inputs)?;
        let left = inputs.mean("reference");
        Ok(inputs.each(|row| left(row).filter(|_| helped.get(row).is_some_and(|it| it >= self.least_share))))
    }
}

fn main() -> Result<(), SelectError> {
    // Rows of 2 to 11 scored tokens; every third one was hardly learned.
    let row = |row: u64| {
        let n_scored = 2 + u32::try_from(row % 10).unwrap_or_default();
        let base = f64::from(n_scored) * (1.0 + row as f64 / 20.0);
        ScoreRecord::scored(row, n_scored, base, base * if row.is_multiple_of(3) { 0.95 } else { 0.5 })
    };
    let columns = ScoreColumns::of(&(0..60).map(row).collect::<Vec<_>>(), 0);
    let strategy = StillHard { least_share: 0.1 };
    let shape = Shape { guards: Guards { min_scored: Some(4), ..Guards::default() }, ..Shape::default() };
    let request = Request { shape: &shape, ..Request::new(&strategy, Budget::Fraction(0.1)) };

    let chosen = select(&columns, &request)?;
    for one in &chosen.selection.selected {
        println!("row {:3}  {:.4}", one.row, one.score.value());
    }
    for left_out in &chosen.left_out {
        println!("left out {:3}: {}", left_out.n_rows, left_out.why);
    }
    let correlation = summarize(&columns, &chosen, 1).length_correlation;
    println!("rank correlation with length: {correlation:+.3?}");
    Ok(())
}
