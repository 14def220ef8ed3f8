//! Selects from a score table what `select_rows.py` selects, and says how long it took and how much memory it had.
//!
//! Run by `cargo xtask bench select-peers` and `select-scale`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use lobass_benches::peak_memory;
use lobass_core::{ColumnSet, ScoreColumns, Selection};
use lobass_run::ScoreFile;
use lobass_select::{Inputs, KeyHashes, Request, Sieve, select, strategies, summarize};
use serde::Deserialize;
use serde_json::{Value, json};

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
    let result = if asked.rows { rows_alone(&asked)? } else { with_summary(&asked)? };
    fs_err::write(&asked.out, result.to_string())?;
    println!("{:.2} s", result["seconds"].as_f64().unwrap_or_default());
    Ok(())
}

/// The chosen rows and no more: what a query of a database gives.
fn rows_alone(asked: &Asked) -> Result<Value, Box<dyn Error>> {
    let request = Request::new(strategies::named(&asked.strategy)?, asked.budget.parse()?);
    let begin = Instant::now();
    let table = ScoreFile::open(&asked.table)?;
    let sieve = Sieve::new(request, table.manifest().n_rows, 0).ok_or("expected scores of single rows")?;
    let failed = Mutex::new(None);
    table.pieces(&sieve.columns(), 0, asked.threads, |first_row, piece| {
        if let Err(error) = sieve.add(first_row, piece) {
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    })?;
    if let Some(error) = failed.into_inner()? {
        return Err(error.into());
    }
    let reading = begin.elapsed().as_secs_f64();
    let keys = Keys { table: &table, threads: asked.threads };
    let selection = sieve.finish(&keys)?.ok_or("expected rows with scores")?;
    let (seconds, peak) = (begin.elapsed().as_secs_f64(), peak_memory());
    let (above, last) = above_the_last(&selection);
    Ok(json!({
        "n_rows": selection.n_rows,
        "n_selected": selection.selected.len(),
        "seconds": seconds,
        "seconds_reading": reading,
        "seconds_selecting": seconds - reading,
        "peak_rss_bytes": peak,
        "rows": above,
        "last": last,
    }))
}

/// All columns, the chosen rows, and how they compare with the others.
fn with_summary(asked: &Asked) -> Result<Value, Box<dyn Error>> {
    let strategy = strategies::named(&asked.strategy)?;
    let begin = Instant::now();
    let table = ScoreFile::open(&asked.table)?;
    let wanted = ColumnSet { ties: false, ..strategy.needs(None).columns(&[]) };
    let columns = table.columns(&wanted, 0, asked.threads)?;
    let reading = begin.elapsed().as_secs_f64();
    let keys = Keys { table: &table, threads: asked.threads };
    let request = Request::new(strategy, asked.budget.parse()?);
    let chosen = select(Inputs::new(&columns).with_late_hashes(&keys), &request)?;
    let (seconds, peak) = (begin.elapsed().as_secs_f64(), peak_memory());
    let begin = Instant::now();
    let summary = summarize(&columns, &chosen, asked.threads);
    Ok(json!({
        "n_rows": columns.len(),
        "n_selected": chosen.selection.selected.len(),
        "seconds": seconds,
        "seconds_reading": reading,
        "seconds_selecting": seconds - reading,
        "seconds_summarizing": begin.elapsed().as_secs_f64(),
        "columns_bytes": bytes(&columns),
        "peak_rss_bytes": peak,
        "peak_rss_bytes_summarizing": peak_memory(),
        "length_correlation": summary.length_correlation,
    }))
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
