//! Chooses two of four rows by each strategy that needs no more than the losses of two models.
//!
//! Run with `cargo run -p lobass-select --example choose`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Budget, ExampleKey, ScoreColumns, ScoreRecord};
use lobass_select::{Need, Request, SelectError, select, strategies};

fn row(row: u64, name: &str, n_scored: u32, base: f64, reference: f64) -> ScoreRecord {
    ScoreRecord {
        key: ExampleKey::new(name),
        n_tokens: n_scored + 10,
        ..ScoreRecord::scored(row, n_scored, base, reference)
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
    for &strategy in strategies::all() {
        if strategy.info().needs.iter().any(|need| ![Need::Base, Need::Reference].contains(need)) {
            continue;
        }
        let chosen = select(&columns, &Request::new(strategy, Budget::Fraction(0.5)))?;
        let rows = chosen.selection.selected.iter();
        let rows = rows.filter_map(|one| pool.iter().find(|row| row.row == one.row));
        let names: Vec<_> = rows.map(|row| row.key.to_string()).collect();
        println!("{strategy:18} {}", names.join(", "));
    }
    Ok(())
}
