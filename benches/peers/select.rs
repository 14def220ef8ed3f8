//! Selects from a score table what `select_rows.py` selects, and says how long it took and how much memory it had.
//!
//! Run by `cargo xtask bench select-peers` and `select-scale`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use lobass_benches::peak_memory;
use lobass_core::{Budget, ColumnSet, ScoreColumns, Selection};
use lobass_run::ScoreFile;
use lobass_select::{Inputs, KeyHashes, Request, select, strategies, summarize};
use serde::Deserialize;
use serde_json::json;

/// The request of the comparison.
#[derive(Deserialize)]
struct Asked {
    table: PathBuf,
    strategy: String,
    budget: String,
    /// Whether to write the chosen rows, rather than to say how they compare with the others.
    rows: bool,
    threads: usize,
    out: PathBuf,
}

/// The keys of the table, read for rows whose order they decide.
struct Keys<'a> {
    table: &'a ScoreFile,
    threads: usize,
}

impl KeyHashes for Keys<'_> {
    fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Ok(self.table.ties_of(rows, seed, self.threads)?)
    }

    fn of_all(&self, seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Ok(self.table.ties(seed, self.threads)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a request, found nothing")?;
    let asked: Asked = serde_json::from_slice(&fs_err::read(path)?)?;
    let strategy = strategies::named(&asked.strategy)?;
    let budget: Budget = asked.budget.parse()?;

    let begin = Instant::now();
    let table = ScoreFile::open(&asked.table)?;
    let wanted = ColumnSet { ties: false, ..strategy.needs(None).columns(&[]) };
    let columns = table.columns(&wanted, 0, asked.threads)?;
    let reading = begin.elapsed().as_secs_f64();
    let keys = Keys { table: &table, threads: asked.threads };
    let chosen = select(Inputs::new(&columns).with_late_hashes(&keys), &Request::new(strategy, budget))?;
    let selection = &chosen.selection;
    let selecting = begin.elapsed().as_secs_f64() - reading;
    let (columns_bytes, peak) = (bytes(&columns), peak_memory());
    let mut result = json!({
        "n_rows": columns.len(),
        "n_selected": selection.selected.len(),
        "seconds": reading + selecting,
        "seconds_reading": reading,
        "seconds_selecting": selecting,
        "columns_bytes": columns_bytes,
        "peak_rss_bytes": peak,
    });
    if asked.rows {
        let (above, last) = above_the_last(selection);
        (result["rows"], result["last"]) = (json!(above), json!(last));
    } else {
        let begin = Instant::now();
        let summary = summarize(&columns, &chosen);
        result["seconds_summarizing"] = json!(begin.elapsed().as_secs_f64());
        result["peak_rss_bytes_summarizing"] = json!(peak_memory());
        result["length_correlation"] = json!(summary.length_correlation);
    }
    fs_err::write(&asked.out, result.to_string())?;
    println!("{reading:.2} s reading, {selecting:.2} s selecting");
    Ok(())
}

/// The rows whose score is better than the last one's, which are the same however ties are broken, and that score.
fn above_the_last(selection: &Selection) -> (Vec<u64>, Option<f64>) {
    let last = selection.selected.last().map(|one| one.score);
    let above = selection.selected.iter().filter(|one| Some(one.score) != last);
    (above.map(|one| one.row).collect(), last.map(lobass_core::Score::value))
}

/// The memory of the columns.
fn bytes(columns: &ScoreColumns) -> usize {
    let optional = columns.rejected_n_tokens.len() + columns.folds.len();
    columns.len() * ScoreColumns::ROW_BYTES + 4 * optional + 8 * columns.len() * columns.losses.len()
}
