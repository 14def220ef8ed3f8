//! Scores rows in memory, keeps the best of them, and prints why.
//!
//! Run with `cargo run -p lobass --example score_in_memory`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass::settings::TrainSettings;
use lobass::{Budget, Model, Runtime, ScoreOptions, TrainOptions};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A small model and a pool of known composition, which are part of the repository.
    let dir = tempfile::tempdir()?;
    let shipped = lobass_demo::unpack(dir.path())?;
    let text = fs_err::read_to_string(&shipped.pool)?;
    let rows = text.lines().take(150).map(serde_json::from_str);
    let rows: Vec<Map<String, Value>> = rows.collect::<Result<_, _>>()?;

    // The reference is the base, fine-tuned on the rows.
    let runtime = Runtime::default();
    let base = Model::open(&shipped.base, &runtime)?;
    let recipe =
        TrainSettings { learning_rate: Some(1e-3), batch_size: Some(16), ..TrainSettings::default() };
    let options = TrainOptions { train: recipe, ..TrainOptions::default() };
    let trained = lobass::train(&rows, &base, &options, &dir.path().join("tuned"), &runtime)?;
    let tuned = base.tuned(&trained.reference, &runtime)?;

    // One record per row: its status, and its summed losses in nats under both models.
    let scored = lobass::score(&rows, &base, Some(&tuned), &ScoreOptions::default(), &runtime)?;
    let records = scored.records()?;
    let kept = lobass::select(&scored, "lobass", Budget::Rows(5))?;
    for row in kept.rows() {
        let mean = |nll: Option<lobass_core::Nll>| nll.and_then(|nll| nll.mean()).unwrap_or_default();
        let (before, after) = (mean(records[row].base), mean(records[row].reference));
        println!("{before:.2} -> {after:.2} nats per token: {}", Value::Object(rows[row].clone()));
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
