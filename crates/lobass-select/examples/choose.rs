//! Chooses two of four rows by each strategy that needs neither ratings nor pairs.
//!
//! Run with `cargo run -p lobass-select --example choose`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Budget, ExampleKey, Nll, RowStatus, ScoreColumns, ScoreRecord};
use lobass_select::{Need, Request, SelectError, Strategy, select};

fn row(row: u64, name: &str, n_scored: u32, base: f64, reference: f64) -> ScoreRecord {
    let nll = |sum| Some(Nll { sum, n_scored: u64::from(n_scored) });
    ScoreRecord {
        row,
        key: ExampleKey::new(name),
        status: RowStatus::Ok,
        reason: None,
        source: "example".to_owned(),
        n_tokens: n_scored + 10,
        n_scored,
        base: nll(base),
        reference: nll(reference),
        in_sample: None,
        fold: None,
        rejected: None,
    }
}

fn main() -> Result<(), SelectError> {
    let pool = [
        row(0, "known", 8, 1.0, 0.8),
        row(1, "learnable", 10, 25.0, 4.0),
        row(2, "noise", 40, 180.0, 160.0),
        row(3, "half learnable", 20, 40.0, 22.0),
    ];
    let columns = ScoreColumns::of(&pool, 0);
    let request = Request { budget: Budget::Fraction(0.5), direction: None };
    for strategy in Strategy::all() {
        if strategy.info().needs.iter().any(|need| [Need::Rating, Need::Pair].contains(need)) {
            continue;
        }
        let selection = select(&columns, &strategy, &request)?;
        let chosen = selection.selected.iter().filter_map(|one| pool.iter().find(|row| row.row == one.row));
        let names: Vec<_> = chosen.map(|row| row.key.to_string()).collect();
        println!("{:18} {}", strategy.info().name, names.join(", "));
    }
    Ok(())
}
