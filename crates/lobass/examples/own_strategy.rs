//! Selects scored rows by a strategy that is not part of lobass.
//!
//! A strategy says what it needs and computes one number for each row. Budgets, ties, quotas, and filters come with
//! lobass.
//!
//! Run with `cargo run -p lobass --example own_strategy`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass::settings::SelectSettings;
use lobass::{Model, Runtime, ScoreOptions, select_by};
use lobass_core::{Direction, Numbers};
use lobass_select::{Inputs, Need, Problem, Strategy, StrategyInfo};
use serde_json::{Map, Value};

/// Rows of medium difficulty: the closer the loss per token is to a target, the better.
struct Medium {
    /// The target, in nats per scored token.
    nats: f64,
}

impl Strategy for Medium {
    fn info(&self) -> StrategyInfo {
        let what = "distance of the mean loss under the base from a target";
        StrategyInfo {
            needs: &[Need::Base],
            ..StrategyInfo::new("medium", Direction::Ascending, what, "this example")
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let mean = inputs.mean("base");
        Ok(inputs.each(|row| mean(row).map(|loss| (loss - self.nats).abs())))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let shipped = lobass_demo::unpack(dir.path())?;
    let text = fs_err::read_to_string(&shipped.pool)?;
    let rows = text.lines().take(150).map(serde_json::from_str);
    let rows: Vec<Map<String, Value>> = rows.collect::<Result<_, _>>()?;

    // This strategy needs no reference.
    let runtime = Runtime::default();
    let base = Model::open(&shipped.base, &runtime)?;
    let scored = lobass::score(&rows, &base, None, &ScoreOptions::default(), &runtime)?;
    let settings = SelectSettings { budget: Some("5".to_owned()), ..SelectSettings::default() };
    let kept = select_by(&scored, &Medium { nats: 1.0 }, &settings)?;
    for one in &kept.selection().selected {
        println!("row {}: {:.4} nats from the target", one.row, one.score);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
